/** What a Read Model's handlers ask for, written down to be carried out later: `rows` as a handler gets it. */
import type { Rows } from '../domain/read-model.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import { isKey, keyToken } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import { rowAt, type RowCheck } from './row-check.ts'

export type Token = string | number

/** `change` makes the row from the one before; without it and without `row` the row is removed. */
export interface RowOperation {
  readonly key: Key
  readonly token: Token
  readonly event: RecordedEvent
  /** Number of the record that holds the Event. */
  readonly record: number
  readonly row: Row | undefined
  readonly change: ((row: Row | undefined) => Row) | undefined
  /** True where the row before must be there. */
  readonly mustExist: boolean
}

export class RowOperations implements Rows<unknown, unknown> {
  readonly #check: RowCheck
  #list: RowOperation[] = []
  #event: RecordedEvent | undefined
  #record = 0
  /** Thrown here: a handler that catches it has failed all the same. */
  #failure: unknown

  constructor(check: RowCheck) {
    this.#check = check
  }

  get length(): number {
    return this.#list.length
  }

  /**
   * Runs one handler. Where it throws, nothing of what it asked for stays.
   *
   * @throws what the handler threw, or `invalid-row`
   */
  collect(event: RecordedEvent, record: number, handler: (event: RecordedEvent, rows: Rows<unknown, unknown>) => unknown): void {
    const before = this.#list.length
    this.#event = event
    this.#record = record
    this.#failure = undefined
    try {
      const returned = handler(event, this)
      if (isThenable(returned)) {
        returned.then(undefined, () => undefined) // reported below, once
        throw new TypeError(`The handler of "${event.type}" is asynchronous. Let it use its Event and \`rows\` only.`)
      }
      // oxlint-disable-next-line typescript/only-throw-error -- whatever the handler itself threw
      if (this.#failure !== undefined) throw this.#failure
    } catch (error) {
      this.#list.length = before
      throw error
    } finally {
      this.#event = undefined
    }
  }

  /** Hands over what was collected, and begins anew. */
  take(): readonly RowOperation[] {
    const taken = this.#list
    this.#list = []
    return taken
  }

  put(row: unknown): void {
    const event = this.#current()
    const checked = this.#guard(() => this.#check.row(row, undefined, event))
    this.#add(this.#check.keyOf(checked), checked, undefined, false)
  }

  update(key: unknown, change: (row: never) => unknown): void {
    this.#add(this.#checkedKey(key), undefined, change as RowOperation['change'], true)
  }

  upsert(key: unknown, change: (row: never) => unknown): void {
    this.#add(this.#checkedKey(key), undefined, change as RowOperation['change'], false)
  }

  remove(key: unknown): void {
    this.#add(this.#checkedKey(key), undefined, undefined, false)
  }

  #add(key: Key, row: Row | undefined, change: RowOperation['change'], mustExist: boolean): void {
    this.#list.push({ key, token: keyToken(key), event: this.#current(), record: this.#record, row, change, mustExist })
  }

  #current(): RecordedEvent {
    if (!this.#event) throw new TypeError('`rows` was used after its handler had returned. Make the handler synchronous.')
    return this.#event
  }

  #checkedKey(key: unknown): Key {
    const event = this.#current()
    return this.#guard(() => {
      if (isKey(key)) return key
      throw this.#check.invalidKey(key, event)
    })
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#failure ??= error
      throw error
    }
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function'

/** A row that was to be changed is not there. */
export const missingRow = (readModel: string, operation: RowOperation): OutpostError =>
  new OutpostError(
    'handler-failed',
    `${rowAt(readModel, operation.event)}: there is no row "${String(operation.key)}" to update. Use \`upsert\`, or put it at an earlier Event.`,
    { readModel, key: operation.key, eventType: operation.event.type, position: operation.event.position },
  )
