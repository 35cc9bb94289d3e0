import type { SegmentStore } from '../storage.ts'
import type { Handle } from './handle.ts'
import { textBytes } from './key-bytes.ts'
import { checkpointFrom, checkpointText, valueOf, valueText } from './value-text.ts'

const catalogue = {
  name: 'outpost-catalogue',
  text: `SELECT c.checkpoint, c.value FROM outpost.heads h LEFT JOIN outpost.catalogues c ON c.space = $1
    WHERE h.space = $1 AND h.incarnation = $2`,
}
const blocks = {
  name: 'outpost-blocks',
  text: `SELECT s.place, s.bytes FROM outpost.heads h LEFT JOIN LATERAL (
      SELECT asked.place::int4, segments.bytes
      FROM unnest($3::bytea[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS asked (index, run, block, place)
      JOIN outpost.segments ON segments.space = $1 AND segments.index = asked.index AND segments.run = asked.run
        AND segments.block = asked.block
    ) s ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const save = {
  name: 'outpost-segments-save',
  text: `SELECT outpost.save_segments($1, $2, $3, $4, $5, $6::bytea[], $7::bigint[], $8::bytea[], $9::bigint[], $10::bigint[],
    $11::bytea[]) AS outcome`,
}

export function createSegmentStore(handle: Handle): SegmentStore {
  return {
    async catalogue() {
      const [row] = await handle.read('Reading the index catalogue of', catalogue)
      const value = row?.['value']
      return { checkpoint: checkpointFrom(row?.['checkpoint']), value: typeof value === 'string' ? valueOf(value) : undefined }
    },

    async blocks(keys) {
      const rows = await handle.read('Reading the index of', blocks, [
        keys.map(({ index }) => textBytes(index)),
        keys.map(({ run }) => run),
        keys.map(({ block }) => block),
      ])
      const found = new Map(rows.map(({ place, bytes }) => [place, bytes]))
      return keys.map((_, i) => copyOf(found.get(i + 1)))
    },

    async save(write) {
      // A statement may touch no row twice: of two blocks in one place the later counts.
      const puts = [...new Map(write.puts.map((put) => [JSON.stringify([put.index, put.run, put.block]), put])).values()]
      const outcome = await handle.write('Saving the index of', save, [
        checkpointText(write.expected),
        checkpointText(write.checkpoint),
        valueText(write.catalogue),
        write.removes.map(({ index }) => textBytes(index)),
        write.removes.map(({ run }) => run),
        puts.map(({ index }) => textBytes(index)),
        puts.map(({ run }) => run),
        puts.map(({ block }) => block),
        puts.map(({ bytes }) => bytes),
      ])
      return outcome === 'stale' ? 'stale' : 'saved'
    },
  }
}

/** Bytes of their own: a driver's may be a piece of a large buffer. */
const copyOf = (bytes: unknown): Uint8Array | undefined => (bytes instanceof Uint8Array ? new Uint8Array(bytes) : undefined)
