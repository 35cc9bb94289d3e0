/** The pending Commands of a log, read from their records. */
import type { EngineInside } from '../engine/inside.ts'
import { OutpostError } from '../errors.ts'
import type { LogRecord, StoredCommand } from '../storage/record.ts'
import type { PendingRoot } from '../write/tail.ts'
import { type Decided, decidedAt } from './processed.ts'

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
export async function firstDecisions({ index, log }: Inside, here: readonly Decided[]): Promise<readonly Decided[]> {
  const again = here.filter(({ root }) => root.again)
  if (again.length === 0) return here
  const candidates = await index.findCommands(again.map(({ root }) => root.id))
  const numbers = [...new Set(candidates.flat())]
  const records = new Map((await log.get(numbers)).map((record, i) => [numbers[i] as number, record]))
  const first = new Map<string, Decided>()
  again.forEach(({ root }, i) => {
    // Newest first: the first decision is the last of them.
    for (const number of candidates[i] ?? []) {
      const record = records.get(number)
      const command = record?.commands.findIndex(({ id }) => id === root.id) ?? -1
      if (record && command >= 0) first.set(root.id, decidedAt(record, command))
    }
  })
  return here.map((decided) => first.get(decided.root.id) ?? decided)
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
