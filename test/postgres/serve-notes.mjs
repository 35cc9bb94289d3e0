/**
 * A server process on the PostgreSQL at the URL it is given. It says where it listens, then the name of each note that its
 * reactor was told of, a line each; it stops on SIGTERM.
 */
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { runnerImport } from 'vite'

/** @param {string} path @returns {string} */
const file = (path) => fileURLToPath(new URL(path, import.meta.url))
/** @type {import('vite').InlineConfig} */
const config = {
  configFile: false,
  logLevel: 'silent',
  resolve: { alias: [{ find: /^outpost$/, replacement: file('../../src/index.ts') }] },
}
/** @type {{ module: typeof import('../fixtures/notes.ts') }} */
const { module: fixture } = await runnerImport(file('../fixtures/notes.ts'), config)
/** @type {{ module: typeof import('../../src/server/create-sync-server.ts') }} */
const { module: server } = await runnerImport(file('../../src/server/create-sync-server.ts'), config)
/** @type {{ module: typeof import('../../src/storage/postgres/pg-database.ts') }} */
const { module: driver } = await runnerImport(file('../../src/storage/postgres/pg-database.ts'), config)
/** @type {{ module: typeof import('../../src/storage/postgres/postgres-storage.ts') }} */
const { module: adapter } = await runnerImport(file('../../src/storage/postgres/postgres-storage.ts'), config)

const storage = await adapter.createPostgresStorage(driver.openPg({ connectionString: process.argv[2] ?? '' }))
const domain = fixture.notes((id) => void process.stdout.write(`did ${id}\n`))
const sync = server.createSyncServer({ domain, storage, insecure: true })
const listener = getRequestListener((request) => sync.fetch(request))
const http = createServer((request, response) => void listener(request, response))
http.listen(0, '127.0.0.1', () => {
  const address = http.address()
  process.stdout.write(`at http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}\n`)
})
process.once('SIGTERM', () => {
  void sync
    .close()
    .then(() => storage.close())
    .then(() => process.exit())
})
