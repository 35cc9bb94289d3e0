/** What came of the last Command of a form: done, refused and why, or broken. Said aloud. */
import { refusalText } from '../refusals.ts'

export interface Given {
  readonly pending: boolean
  readonly outcome: { readonly ok: boolean } | undefined
  readonly refusal: { readonly refusal: string; readonly details: unknown } | undefined
  readonly error: unknown
}

export function CommandNote({ of: { pending, outcome, refusal, error }, done }: { readonly of: Given; readonly done: string }) {
  return (
    <p className="said" role="status">
      {!pending && outcome?.ok && <span className="good">{done}</span>}
      {!pending && refusal && <span className="bad">{refusalText(refusal)}</span>}
      {!pending && error !== undefined && <span className="bad">{error instanceof Error ? error.message : String(error)}</span>}
    </p>
  )
}
