/**
 * The tail across restarts. What it is as of a sync record is put into the log's meta with that record, in one transaction;
 * a start folds the few records behind it. So a start depends on how much is pending, never on the length of the log.
 */
import type { LogRecord } from '../storage/record.ts'
import type { LogStorage } from '../storage/storage.ts'
import { checkFormat } from './decode.ts'
import { type KeptTail, Tail, type VoidRange } from './tail.ts'

const TAIL = 'sync.tail'
/** Where the log stood when it joined a server, if it had lived alone until then. */
export const ADOPTED = 'sync.adopted'
export interface Adopted {
  readonly record: number
  readonly position: number
}
/** Void ranges are only ever added: kept in chunks, of which an append puts the last. */
const VOIDS = 'sync.voids.'
const CHUNK = 256
/** Records read at once. */
const PAGE = 128

const chunkKey = (chunk: number): string => `${VOIDS}${String(chunk).padStart(6, '0')}`

/** @throws `storage-newer` where a newer build wrote the last record */
export async function openTail(storage: LogStorage): Promise<Tail> {
  const { events, meta } = storage
  const last = await events.last()
  if (last) checkFormat(last)
  // In this order: where nothing was kept, there is nothing to fold from before that last record.
  const kept = (await meta.get(TAIL)) as KeptTail | undefined
  if (!kept || !last) return Tail.begin(last)
  // Another tab has appended meanwhile.
  if (kept.as > last.number) return openTail(storage)
  const chunks = kept.voids > 0 ? [...(await meta.entries(VOIDS)).values()] : []
  const voids = (chunks as VoidRange[][]).flat().slice(0, kept.voids)
  const start = kept.from ? kept.from.record - 1 : kept.as
  const [before] = start > 0 ? await events.get([start]) : []
  const tail = Tail.begin(before, kept.cursor, voids)
  for (let after = start; after < last.number;) {
    const page = await events.read(after, Math.min(PAGE, last.number - after))
    if (page.length === 0) break
    for (const record of page) {
      checkFormat(record)
      if (record.number > kept.as) tail.fold(record)
      else tail.restore(record, record.number === kept.from?.record ? kept.from.command : 0)
    }
    after += page.length
  }
  return tail
}

/** What to put into the log's meta with these records, some of which are sync records. */
export function keptTail(tail: Tail, records: readonly LogRecord[]): ReadonlyMap<string, unknown> {
  const next = tail.copy()
  let as = 0
  let from: KeptTail['from']
  let voids = tail.voids.length
  for (const record of records) {
    next.fold(record)
    if (!record.sync) continue
    as = record.number
    const [first] = next.pending
    // A log that had lived alone: all of it waits from now on.
    if (!tail.cursor && tail.settled.record > 0) from = { record: 1, command: 0 }
    else from = first && { record: first.record, command: first.command }
    voids = next.voids.length
  }
  const cursor = next.cursor
  if (!cursor) throw new TypeError('A log that has not joined has no sync records')
  const entries = new Map<string, unknown>([[TAIL, { cursor, as, voids, ...(from && { from }) } satisfies KeptTail]])
  if (!tail.cursor && tail.settled.record > 0)
    entries.set(ADOPTED, { record: tail.settled.record, position: tail.confirmed } satisfies Adopted)
  for (let chunk = Math.floor(tail.voids.length / CHUNK); chunk * CHUNK < voids; chunk++)
    if (voids > tail.voids.length) entries.set(chunkKey(chunk), next.voids.slice(chunk * CHUNK, (chunk + 1) * CHUNK))
  return entries
}
