/**
 * News between processes: that a log has grown, and that a log or read store was deleted. What counts is in the tables; a notification
 * only says when to look, so that one that is lost costs time and nothing else: all that is watched is looked at after each loss of the
 * connection, and every 15 s unless told otherwise.
 */
import type { Handle } from './handle.ts'
import type { SqlDatabase } from './sql-database.ts'

const CHANNEL = 'outpost'
/**
 * Sent by itself, after the commit and for all logs that grew meanwhile: in the transaction it would hold one lock of the whole cluster
 * until that is on disk, and no two spaces could commit together. By itself it need not wait for the disk.
 * https://www.postgresql.org/docs/current/sql-notify.html
 */
const notify = {
  name: 'outpost-notify',
  text: `SELECT set_config('synchronous_commit', 'off', true), pg_notify('${CHANNEL}', news) FROM unnest($1::text[]) AS news`,
}
const look = {
  name: 'outpost-look',
  text: 'SELECT space, incarnation::text, record::float8 FROM outpost.heads WHERE space = ANY ($1::text[])',
}

interface Watched {
  readonly callbacks: Set<() => void>
  /** The last record known of; undefined where none is, or more may have come: then the next look rings. */
  record: number | undefined
}

export class Bell {
  readonly #database: SqlDatabase
  readonly #lookMs: number
  readonly #handles = new Set<Handle>()
  readonly #watched = new Map<string, Watched>()
  /** By name: the log's last record, or that it is gone. */
  readonly #unsent = new Map<string, number | 'gone'>()
  #sending: Promise<void> | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  /** @param lookMs a process may die between its commit and its notification: all that is watched is looked at so often */
  constructor(database: SqlDatabase, lookMs: number) {
    this.#database = database
    this.#lookMs = lookMs
  }

  async start(): Promise<void> {
    await this.#database.listen(CHANNEL, {
      heard: (news) => this.#heard(news),
      missed: () => {
        for (const watched of this.#watched.values()) watched.record = undefined
        this.#lookAgain([])
      },
    })
    this.#timer = setInterval(() => this.#lookAgain([]), this.#lookMs)
    this.#timer.unref()
  }

  onRecorded(name: string, callback: () => void): () => void {
    const watched = this.#watched.get(name) ?? { callbacks: new Set(), record: undefined }
    this.#watched.set(name, watched)
    // A callback given twice is two.
    const own = (): void => callback()
    watched.callbacks.add(own)
    return () => {
      watched.callbacks.delete(own)
      if (watched.callbacks.size === 0) this.#watched.delete(name)
    }
  }

  add(handle: Handle): void {
    this.#handles.add(handle)
  }

  remove(handle: Handle): void {
    this.#handles.delete(handle)
  }

  /** Tells everybody, soon. @param news the log's last record, or that it is gone */
  send(name: string, news: number | 'gone'): void {
    this.#unsent.set(name, news)
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined))
  }

  /** Sends what is unsent and ends all handles. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    this.#watched.clear()
    for (const handle of this.#handles) handle.end('the storage was closed')
  }

  async #sendAll(): Promise<void> {
    while (this.#unsent.size > 0) {
      const news = [...this.#unsent].map(([name, what]) => `${what} ${name}`)
      this.#unsent.clear()
      try {
        await this.#database.run(notify, [news])
      } catch {
        // Whoever does not hear of it looks by itself before long; whoever waits for this database has heard of it from the next call.
        return
      }
    }
  }

  #heard(news: string): void {
    const [what, name] = [news.slice(0, news.indexOf(' ')), news.slice(news.indexOf(' ') + 1)]
    if (what === 'gone') this.#lookAgain([name])
    else this.#ring(name, Number(what))
  }

  #ring(name: string, record: number): void {
    const watched = this.#watched.get(name)
    if (!watched) return
    watched.record = record
    for (const callback of watched.callbacks) callback()
  }

  /** @param names none for all that is watched */
  #lookAgain(names: readonly string[]): void {
    const handles = [...this.#handles].filter(({ name }) => names.length === 0 || names.includes(name))
    const asked = [...new Set([...handles.map(({ name }) => name), ...(names.length === 0 ? this.#watched.keys() : [])])]
    if (asked.length === 0) return
    this.#database.run(look, [asked]).then(
      (rows) => {
        const found = new Map(rows.map((row) => [row['space'] as string, row]))
        for (const handle of handles) {
          if (found.get(handle.name)?.['incarnation'] !== handle.incarnation) handle.end(`"${handle.name}" was deleted`)
        }
        for (const [name, watched] of this.#watched) {
          const record = found.get(name)?.['record'] as number | undefined
          if (record !== undefined && record !== watched.record) this.#ring(name, record)
        }
      },
      () => {
        // The database cannot be reached: whoever calls is told, and the next look comes.
      },
    )
  }
}
