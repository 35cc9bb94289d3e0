/**
 * How far each client's Commands are processed, as of the log's head. It is put under `client.«id»` in the append that
 * processes them, so it is right whichever process did; what other processes append is folded from their records.
 */
import { OutpostError } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { MetaStore } from '../storage/storage.ts'
import type { Log } from '../write/log.ts'

export interface ClientPlace {
  /** Whose client it is: the first to push with it. */
  readonly principal: string
  /** Of its last processed Command. */
  readonly sequence: number
  readonly commandId: string
}

/** What is kept of a client. */
export interface StoredPlace extends ClientPlace {
  /** The record that holds its last processed Command. */
  readonly record: number
  /** How many Commands it had announced besides, and when. */
  readonly waiting: number
  readonly heardAt: number
}

/** Clients kept in memory: those that push at the moment. */
const KEPT = 4096

export const placeKey = (clientId: string): string => `client.${clientId}`

export class ClientPlaces {
  readonly #log: Log
  readonly #meta: MetaStore
  readonly #kept = new Map<string, ClientPlace>()

  constructor(log: Log, meta: MetaStore) {
    this.#log = log
    this.#meta = meta
  }

  /** Takes a record that has just become the head. */
  fold(record: LogRecord): void {
    for (const { id, origin } of record.commands)
      if (origin) this.#keep(origin.clientId, { principal: origin.principal ?? '', sequence: origin.sequence, commandId: id })
  }

  /** Within a turn of the log. The head moves where another process is ahead: look whether it did. */
  async of(clientId: string): Promise<ClientPlace | undefined> {
    for (;;) {
      const kept = this.#kept.get(clientId)
      if (kept) return kept
      const stored = await this.stored(clientId)
      if (!stored) return undefined
      if (stored.record > this.#log.head.record) {
        await this.#log.pull()
        if (stored.record > this.#log.head.record) throw lostEnd(clientId, stored.record, this.#log.head.record)
        continue
      }
      const { principal, sequence, commandId } = stored
      this.#keep(clientId, { principal, sequence, commandId })
    }
  }

  /** As it is stored this moment, by whichever process. */
  async stored(clientId: string): Promise<StoredPlace | undefined> {
    return (await this.#meta.get(placeKey(clientId))) as StoredPlace | undefined
  }

  #keep(clientId: string, place: ClientPlace): void {
    this.#kept.delete(clientId) // the one heard of last comes last
    this.#kept.set(clientId, place)
    if (this.#kept.size <= KEPT) return
    const [oldest] = this.#kept.keys()
    if (oldest !== undefined) this.#kept.delete(oldest)
  }
}

/** Record and place are written together: storage has lost one of them. */
const lostEnd = (clientId: string, record: number, head: number): OutpostError =>
  new OutpostError(
    'storage-failed',
    `Client "${clientId}" is processed to record ${record}, but the log ends at ${head}: its end was lost. Restore a backup, whole.`,
    { clientId, record, head },
  )
