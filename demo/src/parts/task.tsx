/** Something that takes a while, done once at a time, and how it went. */
import { useState } from 'react'

export interface Said {
  readonly good: boolean
  readonly text: string
}

export interface Task {
  readonly busy: boolean
  readonly said: Said | undefined
  /** @param task resolves with what to say then */
  readonly run: (task: () => Promise<string>) => void
}

export function useTask(): Task {
  const [busy, setBusy] = useState(false)
  const [said, setSaid] = useState<Said>()
  return {
    busy,
    said,
    run: (task) => {
      setBusy(true)
      setSaid(undefined)
      task()
        .then(
          (text) => setSaid({ good: true, text }),
          (error: unknown) => setSaid({ good: false, text: error instanceof Error ? error.message : String(error) }),
        )
        .finally(() => setBusy(false))
    },
  }
}

/** Said aloud. */
export const TaskNote = ({ of: { said } }: { readonly of: Task }) => (
  <p className="said" role="status">
    {said && <span className={said.good ? 'good' : 'bad'}>{said.text}</span>}
  </p>
)
