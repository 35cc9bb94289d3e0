/** Starts the sync server beside the page, below `/sync` of the same address: with `npm run demo`, and with `npm run dev`. */
import { getRequestListener } from '@hono/node-server'
import { runnerImport, type InlineConfig, type Plugin, type PreviewServer, type ViteDevServer } from 'vite'
import type { StockroomServer } from './stockroom-server.ts'

export interface SyncServerOptions {
  /** The module that starts it; given by its path, since it is the app's code and not the build's. */
  readonly module: string
  /** How that module's imports are found. */
  readonly resolve: NonNullable<InlineConfig['resolve']>
  readonly folder: string
  readonly databaseUrl: string | undefined
}

type Starter = typeof import('./stockroom-server.ts')

export function syncServer({ module, resolve, folder, databaseUrl }: SyncServerOptions): Plugin {
  const serve = (vite: ViteDevServer | PreviewServer): void => {
    const { logger } = vite.config
    const load = async (): Promise<Starter> =>
      // While it is being developed, the package is loaded from its sources, and goes on loading when it is first needed.
      'ssrLoadModule' in vite
        ? ((await vite.ssrLoadModule(module)) as Starter)
        : (await runnerImport<Starter>(module, { resolve, logLevel: 'warn' })).module
    const start = async (): Promise<StockroomServer> => {
      const { startStockroomServer } = await load()
      return startStockroomServer({ folder, databaseUrl, onFault: (line) => logger.error(line) })
    }
    // Not before: a server that is restarted has not let go of the database until then.
    const started = new Promise<StockroomServer>((resolve, reject) =>
      vite.httpServer?.once('listening', () => void start().then(resolve, reject)),
    )
    started.catch((error: unknown) => {
      logger.error(`The sync server cannot start. ${error instanceof Error ? error.message : String(error)}`)
      process.exit(1)
    })

    const closePage = vite.close.bind(vite)
    vite.close = async () => {
      // First, while its answers still find their way.
      if (vite.httpServer?.listening === true) await (await started).close()
      await closePage()
    }
    const end = (): void =>
      void vite.close().then(
        () => process.exit(),
        (error: unknown) => {
          logger.error(String(error))
          process.exit(1)
        },
      )
    process.once('SIGINT', end)
    vite.httpServer?.once('close', () => process.off('SIGINT', end))

    const answer = getRequestListener(async (request) => (await started).fetch(request), { overrideGlobalObjects: false })
    vite.middlewares.use('/sync', (request, response) => void answer(request, response))
  }
  return { name: 'sync-server', configureServer: serve, configurePreviewServer: serve }
}
