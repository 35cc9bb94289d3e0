/** The demo's sync server: the same domain as the worker's, on a database in a folder, or on a PostgreSQL server. */
import { createPgliteStorage, createPostgresStorage, createSyncServer } from 'outpost/server'
import { stockroom } from '../src/domain/domain.ts'

export interface StockroomServerOptions {
  /** Where the embedded database is kept, if there is no other. */
  readonly folder: string
  readonly databaseUrl: string | undefined
  /** Hears of what went wrong, as one line. */
  readonly onFault: (line: string) => void
}

export interface StockroomServer {
  fetch(request: Request): Promise<Response>
  /** Finishes what is under way, then lets go of the database. */
  close(): Promise<void>
}

/** @throws where the database cannot be opened: another process has the folder, nobody answers at the address */
export async function startStockroomServer({ folder, databaseUrl, onFault }: StockroomServerOptions): Promise<StockroomServer> {
  const storage = await (databaseUrl === undefined
    ? createPgliteStorage({ folder })
    : createPostgresStorage({ connectionString: databaseUrl }))
  const server = createSyncServer({
    domain: stockroom,
    storage,
    // A demo: everybody is who he says he is. An app gives `authenticate` here, which looks at the request's token.
    insecure: true,
    log: (entry) => {
      if (entry.level === 'error') onFault(JSON.stringify(entry))
    },
  })
  return {
    fetch: (request) => server.fetch(request),
    async close() {
      await server.close()
      await storage.close()
    },
  }
}
