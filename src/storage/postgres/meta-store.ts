import type { MetaStore } from '../storage.ts'
import type { Handle } from './handle.ts'
import { afterTextsBeginning, textBytes, textOf } from './key-bytes.ts'
import { valueOf, valueText } from './value-text.ts'

const get = {
  name: 'outpost-meta-get',
  text: `SELECT m.value FROM outpost.heads h LEFT JOIN outpost.meta m ON m.space = $1 AND m.key = $3
    WHERE h.space = $1 AND h.incarnation = $2`,
}
const entries = {
  name: 'outpost-meta-entries',
  text: `SELECT m.key, m.value FROM outpost.heads h LEFT JOIN LATERAL (
      SELECT key, value FROM outpost.meta WHERE space = $1 AND key >= $3 AND key < $4 ORDER BY key
    ) m ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const lock = { name: 'outpost-meta-lock', text: 'SELECT value FROM outpost.lock_meta($1, $2, $3, $4::boolean)' }
const put = {
  name: 'outpost-meta-put',
  text: `INSERT INTO outpost.meta (space, key, value) SELECT space, $3, $4 FROM outpost.heads WHERE space = $1 AND incarnation = $2
    ON CONFLICT (space, key) DO UPDATE SET value = excluded.value`,
}
const remove = {
  name: 'outpost-meta-remove',
  text: `DELETE FROM outpost.meta WHERE space = $1 AND key = $3
    AND EXISTS (SELECT FROM outpost.heads WHERE space = $1 AND incarnation = $2)`,
}

export function createMetaStore(handle: Handle): MetaStore {
  return {
    async get(key) {
      const [row] = await handle.read('Reading the meta data of', get, [textBytes(key)])
      return typeof row?.['value'] === 'string' ? valueOf(row['value']) : undefined
    },

    async entries(prefix) {
      const rows = await handle.read('Reading the meta data of', entries, [textBytes(prefix), afterTextsBeginning(prefix)])
      const found = rows.filter(({ value }) => value !== null)
      return new Map(found.map(({ key, value }) => [textOf(key as Uint8Array), valueOf(value as string)]))
    },

    update: <T>(key: string, change: (value: T | undefined) => T | undefined, durability = 'relaxed') =>
      handle.transaction('Updating the meta data of', { repeatable: false }, async (run) => {
        const [row] = handle.present(await run(lock, [textBytes(key), durability === 'strict']))
        const before = (typeof row?.['value'] === 'string' ? valueOf(row['value']) : undefined) as T | undefined
        const after = change(before)
        if (after === before) return after
        if (after === undefined) await run(remove, [textBytes(key)])
        else await run(put, [textBytes(key), valueText(after)])
        return after
      }),
  }
}
