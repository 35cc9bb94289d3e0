/** The pending Commands of a log, read from their records. */
import type { EngineInside } from '../engine/inside.ts'
import { OutpostError } from '../errors.ts'
import type { LogRecord, StoredCommand } from '../storage/record.ts'
import type { PendingRoot } from '../write/tail.ts'
import { type Decided, decidedAt, type PulledRecord } from './processed.ts'

type Inside = Pick<EngineInside, 'log' | 'index'>

/** These Commands, in the order asked. */
export async function commandsOf(inside: Inside, roots: readonly PendingRoot[]): Promise<readonly StoredCommand[]> {
  const records = await recordsOf(inside, roots)
  return roots.map(({ record, command }) => records.get(record)?.commands[command] as StoredCommand)
}

/** What the first pending Commands came to here. */
export async function decidedHere(inside: Inside, count: number): Promise<readonly Decided[]> {
  const roots = inside.log.tail.pending.slice(0, count)
  const records = await recordsOf(inside, roots)
  return roots.map(({ record, command }) => decidedAt(records.get(record) as LogRecord, command))
}

/** What Commands came to when they were given, which is what was told. @param here what they come to now */
export const firstDecisions = (inside: Inside, here: readonly Decided[]): Promise<readonly Decided[]> =>
  firstOf(
    inside,
    here,
    ({ again }) => again,
    () => true,
  )

/**
 * What the server made of these for good: a duplicate has the effect of the Command that was first, in the slice or in an
 * earlier one. Where that is none of this log's business (it was refused, to another client), as they are.
 */
export const effectsOf = (inside: Inside, slice: readonly PulledRecord[], processed: readonly Decided[]): Promise<readonly Decided[]> =>
  firstOf(
    inside,
    processed,
    ({ duplicateOf }) => duplicateOf !== undefined,
    // What this log itself once decided is not what the server made of it.
    ({ duplicateOf }, { kind }) => duplicateOf === undefined && kind !== 'commit',
    slice,
  )

/** @returns in the place of those that `isLater` holds for, what they came to where they first stand so that they count */
async function firstOf(
  { index, log }: Inside,
  all: readonly Decided[],
  isLater: (root: StoredCommand) => boolean | undefined,
  counts: (command: StoredCommand, record: Partial<LogRecord>) => boolean,
  slice: readonly PulledRecord[] = [],
): Promise<readonly Decided[]> {
  const ids = new Set(all.flatMap(({ root }) => (isLater(root) ? [root.id] : [])))
  if (ids.size === 0) return all
  const numbers = new Set((await index.findCommands([...ids])).flat())
  const records = await log.get([...numbers].sort((a, b) => a - b))
  const first = new Map<string, Decided>()
  for (const record of [...records, ...slice.map((pulled) => ({ ...pulled, position: 0 }))])
    record?.commands.forEach((command, i) => {
      if (ids.has(command.id) && !first.has(command.id) && counts(command, record)) first.set(command.id, decidedAt(record, i))
    })
  return all.map((decided) => first.get(decided.root.id) ?? decided)
}

async function recordsOf({ log }: Inside, roots: readonly PendingRoot[]): Promise<ReadonlyMap<number, LogRecord>> {
  const numbers = [...new Set(roots.map(({ record }) => record))]
  const records = await log.get(numbers)
  return new Map(
    records.map((record, i) => {
      if (!record)
        throw new OutpostError(
          'storage-failed',
          `Record ${numbers[i]}, which holds pending Commands, is missing from the log. Reload; if it stays, export and restore.`,
        )
      return [record.number, record]
    }),
  )
}
