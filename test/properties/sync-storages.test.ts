/** As sync.test.ts, on the storages that are shipped: IndexedDB on the devices, PostgreSQL at the server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { expect, test } from 'vitest'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { createPostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import { openPglite } from '../../src/storage/postgres/pglite-database.ts'
import { hallProperty, inOrder } from '../simulation/hall-property.ts'

const runs = Number(process.env['STORAGE_RUNS'] ?? 12)

test('on IndexedDB and PostgreSQL', { timeout: 1_800_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-simulation-'))
  const storage = await createPostgresStorage(await openPglite({ folder }))
  let spaces = 0
  try {
    const seen = await hallProperty({
      seeds: Array.from({ length: runs }, (_, i) => 1 + i),
      disks: () => ({
        device: () => {
          const indexedDB = new IDBFactory()
          return { open: () => createIndexedDbStorage({ indexedDB, IDBKeyRange }) }
        },
        server: () => ({ open: () => storage }),
        space: `run ${++spaces}`,
      }),
    })
    console.log(inOrder(seen))
    for (const what of ['confirmed', 'refused', 'rebases', 'voided']) expect(seen.get(what) ?? 0, what).toBeGreaterThan(0)
  } finally {
    await storage.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
