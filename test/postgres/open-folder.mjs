/**
 * A process that opens the PGlite folder it is given, says `open`, and appends a record to the log `log` for each line it is told, which
 * it answers with its number. It ends with its input, or by a signal.
 */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

/** @param {string} path @returns {string} */
const source = (path) => fileURLToPath(new URL(`../../src/storage/postgres/${path}`, import.meta.url))
/** @type {{ module: typeof import('../../src/storage/postgres/pglite-database.ts') }} */
const { module: driver } = await runnerImport(source('pglite-database.ts'), { configFile: false, logLevel: 'silent' })
/** @type {{ module: typeof import('../../src/storage/postgres/postgres-storage.ts') }} */
const { module: adapter } = await runnerImport(source('postgres-storage.ts'), { configFile: false, logLevel: 'silent' })

try {
  const storage = await adapter.createPostgresStorage(await driver.openPglite({ folder: process.argv[2] ?? '' }))
  const log = await storage.openLog('log')
  process.stdout.write('open\n')
  for await (const _ of createInterface({ input: process.stdin })) {
    const number = ((await log.events.last())?.number ?? 0) + 1
    await log.events.append(
      [{ number, id: `record ${number}`, format: 1, kind: 'commit', at: 0, position: number, commands: [], events: [] }],
      'strict',
    )
    process.stdout.write(`${number}\n`)
  }
  await storage.close()
} catch (error) {
  process.stdout.write(`refused: ${error instanceof Error ? error.message : String(error)}\n`)
}
process.exit()
