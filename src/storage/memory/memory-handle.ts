import { OutpostError } from '../../errors.ts'
import { isKey } from '../key.ts'
import type { Key } from '../storage.ts'
import { type Interfere, memoryError, type MemoryOperation } from './faults.ts'
import { turn } from './turn.ts'

/** One opened database: runs its operations, each in one later task and so atomically, until it is closed. */
export class MemoryHandle {
  readonly name: string
  readonly #interfere: Interfere
  #ended: string | undefined
  /** Ended by something else than `close()`, which lets what was begun before it come to its end. */
  #died = false
  onEnded: ((reason: string) => void) | undefined

  constructor(name: string, interfere: Interfere) {
    this.name = name
    this.#interfere = interfere
  }

  async run<T>(operation: MemoryOperation, body: () => T): Promise<T> {
    this.#refuseWhenEnded()
    await turn()
    await this.#interfere('before', operation, this.name)
    if (this.#died) this.#refuseWhenEnded()
    const result = body()
    await this.#interfere('after', operation, this.name)
    return result
  }

  /** @param reason where something else than `close()` ends it */
  end(reason?: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason ?? 'it was closed'
    this.#died = reason !== undefined
    if (reason !== undefined) this.onEnded?.(reason)
  }

  /** As IndexedDB copies what it is given and gives. */
  copy<T>(value: T): T {
    try {
      return structuredClone(value)
    } catch (error) {
      throw memoryError(`"${this.name}"`, 'DataCloneError', String(error))
    }
  }

  checkKey(key: unknown): Key {
    if (isKey(key)) return key
    throw memoryError(`"${this.name}"`, 'DataError', `${String(key)} is no key`)
  }

  #refuseWhenEnded(): void {
    if (this.#ended === undefined) return
    throw new OutpostError('closed', `"${this.name}" is closed (${this.#ended}). Connect again.`, { database: this.name })
  }
}
