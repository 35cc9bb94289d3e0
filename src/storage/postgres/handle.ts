/**
 * One opened log or read store: runs its statements until it is closed, and repeats what is safe to repeat:
 *
 * - what was rolled back or never begun, always;
 * - reads, always;
 * - a write that died without an answer, never: it is *in doubt* (it may have been committed) and rejects with `storage-failed` and
 *   `details.inDoubt`.
 *
 * Each statement asks for the incarnation that the handle opened, so that a handle never reads or writes what came after a deletion.
 */
import { OutpostError } from '../../errors.ts'
import { attempt } from './attempt.ts'
import type { WriteOutcome } from './schema.ts'
import type { RunStatement, SqlDatabase, SqlRow, SqlValue, Statement } from './sql-database.ts'
import { translateFault } from './translate-fault.ts'

export class Handle {
  readonly name: string
  readonly incarnation: string
  readonly #database: SqlDatabase
  #ended: string | undefined
  /** Called once if the handle ends without `close()`. */
  onEnded: ((reason: string) => void) | undefined
  /** Called once when it ends, however. */
  readonly #released: (handle: Handle) => void

  constructor(database: SqlDatabase, name: string, incarnation: string, released: (handle: Handle) => void) {
    this.#database = database
    this.name = name
    this.incarnation = incarnation
    this.#released = released
  }

  /** @param statement takes space and incarnation first, and gives no row only where they are not there */
  read(doing: string, statement: Statement, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#attempt(doing, true, async () =>
      this.present(await this.#database.run(statement, [this.name, this.incarnation, ...values])),
    )
  }

  /** @param statement calls a function of the schema with space and incarnation first, and gives what it came to as `outcome` */
  write(doing: string, statement: Statement, values: readonly SqlValue[] = []): Promise<Exclude<WriteOutcome, 'gone'>> {
    return this.#attempt(doing, false, async () => {
      const [row] = await this.#database.run(statement, [this.name, this.incarnation, ...values])
      const outcome = row?.['outcome'] as WriteOutcome
      return outcome === 'gone' ? this.#destroyed() : outcome
    })
  }

  /** @param body takes what runs statements with space and incarnation put first, and what runs them as they are; it may be run again where nothing was kept of it */
  transaction<T>(
    doing: string,
    { repeatable }: { readonly repeatable: boolean },
    body: (run: RunStatement, plain: RunStatement) => Promise<T>,
  ): Promise<T> {
    return this.#attempt(doing, repeatable, () =>
      this.#database.transaction((run) => body((statement, values) => run(statement, [this.name, this.incarnation, ...values]), run)),
    )
  }

  /** The rows of a statement that gives none only where the database was destroyed. */
  present(rows: readonly SqlRow[]): readonly SqlRow[] {
    return rows.length === 0 ? this.#destroyed() : rows
  }

  close(): void {
    this.onEnded = undefined
    this.end('it was closed')
  }

  end(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#released(this)
    this.onEnded?.(reason)
  }

  async #attempt<T>(doing: string, repeatable: boolean, work: () => Promise<T>): Promise<T> {
    this.#refuseWhenEnded()
    try {
      return await attempt(work, { repeatable })
    } catch (error) {
      throw translateFault(error, `${doing} "${this.name}"`, { database: this.name })
    }
  }

  #destroyed(): never {
    this.end(`"${this.name}" was deleted`)
    throw this.#closed()
  }

  #refuseWhenEnded(): void {
    if (this.#ended !== undefined) throw this.#closed()
  }

  #closed(): OutpostError {
    return new OutpostError('closed', `"${this.name}" is closed (${this.#ended}). Connect again.`, { database: this.name })
  }
}
