/** `npm run bench`: see `bench.ts`, which Node 20 cannot load by itself. */
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

/** @type {{ module: typeof import('./bench.ts') }} */
const { module } = await runnerImport(fileURLToPath(new URL('./bench.ts', import.meta.url)), { configFile: false, logLevel: 'warn' })
// The import above says `development` here, and the production builds below would believe it.
delete process.env['NODE_ENV']
process.exitCode = await module.main(process.argv.slice(2))
