/** A watched named query: run again when one of its Read Models changed, then compared. */
import type { Snapshot } from '../domain/query.ts'
import type { LiveResult } from './live-query.ts'
import { shareStructure } from './shared-structure.ts'

export class LiveNamed implements LiveResult {
  readonly #run: (take: (snapshot: Snapshot<unknown>) => void) => Promise<void>
  readonly #keyFields: readonly string[]
  #data: unknown
  /** Which of its rows rest on pending Commands. */
  pending: Snapshot<unknown>['pending']

  constructor(run: (take: (snapshot: Snapshot<unknown>) => void) => Promise<void>, keyFields: readonly string[]) {
    this.#run = run
    this.#keyFields = keyFields
  }

  get data(): unknown {
    return this.#data
  }

  load(taken: () => void): Promise<void> {
    return this.#run(({ data, pending }) => {
      this.pending = pending
      this.#data = shareStructure(this.#data, data, this.#keyFields)
      taken()
    })
  }

  /** What a change does to it only its function knows. */
  apply(): boolean {
    return false
  }
}
