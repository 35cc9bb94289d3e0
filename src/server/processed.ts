/** Processed Commands by their ids: the log holds them, the packed index finds them. */
import type { LogRecord, StoredCommand } from '../storage/record.ts'
import type { Log } from '../write/log.ts'
import type { LogIndex } from '../write/log-index.ts'

/** A Command in the log, with its outcome. */
export interface ProcessedAt {
  readonly record: LogRecord
  readonly index: number
}

export const commandAt = ({ record, index }: ProcessedAt): StoredCommand => record.commands[index] as StoredCommand

export class ProcessedCommands {
  readonly #index: LogIndex
  readonly #log: Log

  constructor(index: LogIndex, log: Log) {
    this.#index = index
    this.#log = log
  }

  /** Every place in the log where a Command of one of these ids stands: one id may have been pushed by several clients. */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, readonly ProcessedAt[]>> {
    const candidates = await this.#index.findCommands(ids)
    const numbers = [...new Set(candidates.flat())]
    const found = new Map<string, ProcessedAt[]>()
    if (numbers.length === 0) return found
    const records = await this.#log.get(numbers)
    const byNumber = new Map(numbers.map((number, i) => [number, records[i]]))
    ids.forEach((id, i) => {
      if (found.has(id)) return
      const places = (candidates[i] ?? []).flatMap((number) => {
        const record = byNumber.get(number)
        return record ? record.commands.flatMap((command, index) => (command.id === id ? [{ record, index }] : [])) : []
      })
      if (places.length > 0) found.set(id, places)
    })
    return found
  }
}

/** The one that took effect, or would have: no duplicate, and not withdrawn. */
export const firstOf = (places: readonly ProcessedAt[] = []): ProcessedAt | undefined =>
  places.find((place) => {
    const { duplicateOf, withdrawn } = commandAt(place)
    return duplicateOf === undefined && !withdrawn
  })

/** Of the engine's own roots only one that was accepted stands for all: a client may have come too early with it. */
export const firstAcceptedOf = (places: readonly ProcessedAt[] = []): ProcessedAt | undefined =>
  places.find((place) => commandAt(place).outcome.ok && commandAt(place).duplicateOf === undefined)
