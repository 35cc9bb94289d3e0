/**
 * What a machine keeps: a storage, and a journal of all that was written to its logs. Losing power takes the last transactions of a
 * log that were not forced to the disk: the log is then written anew from the journal, without them. Read stores and saved states are
 * databases of their own, of which nothing need be lost.
 */
import type { LogRecord } from '../../storage/record.ts'
import type { LogStorage, Storage } from '../../storage/storage.ts'

/** Storage for the machines of a simulation. */
export interface SimulatedDisk {
  /** The storage as another tab or process opens it. All of them are on the same data. */
  open(): Storage
  close?(): Promise<void> | void
}

export interface Written {
  /** Of the log itself, or of what is saved beside it. */
  readonly part: 'log' | 'saved'
  /** Forced to the disk: it, and what came before it, is not lost. */
  readonly strict: boolean
  readonly records: readonly LogRecord[]
  again(log: LogStorage): Promise<unknown>
}

export class Disk {
  readonly #simulated: SimulatedDisk
  readonly #storage: Storage
  readonly #journals = new Map<string, Written[]>()

  constructor(simulated: SimulatedDisk) {
    this.#simulated = simulated
    this.#storage = simulated.open()
  }

  open(): Storage {
    return this.#simulated.open()
  }

  written(log: string, entry: Written): void {
    this.journal(log).push(entry)
  }

  destroyed(log: string): void {
    this.#journals.delete(log)
  }

  journal(log: string): Written[] {
    const journal = this.#journals.get(log) ?? []
    this.#journals.set(log, journal)
    return journal
  }

  /**
   * Takes the last transactions of a log, as many as there are behind the last forced one. Nobody may have it open.
   *
   * @returns the records that were lost
   */
  async losePower(log: string, transactions: number): Promise<readonly LogRecord[]> {
    const journal = this.journal(log)
    const lost = new Set<Written>()
    for (let i = journal.length - 1; i >= 0 && lost.size < transactions; i--) {
      const entry = journal[i] as Written
      if (entry.part !== 'log') continue
      if (entry.strict) break
      lost.add(entry)
    }
    if (lost.size === 0) return []
    const kept = journal.filter((entry) => !lost.has(entry))
    this.#journals.set(log, kept)
    await this.#storage.destroy(log)
    await this.#write(this.#storage, log, kept)
    return [...lost].flatMap(({ records }) => records)
  }

  /** Writes the log alone, without anything that was made of it, to another storage. */
  copyLog(log: string, to: Storage): Promise<void> {
    return this.#write(
      to,
      log,
      this.journal(log).filter(({ part }) => part === 'log'),
    )
  }

  async close(): Promise<void> {
    await this.#simulated.close?.()
  }

  async #write(storage: Storage, name: string, entries: readonly Written[]): Promise<void> {
    const log = await storage.openLog(name)
    try {
      for (const entry of entries) await entry.again(log)
    } finally {
      log.close()
    }
  }
}
