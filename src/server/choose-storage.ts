/** Where the bin keeps its logs. */
import { OutpostError } from '../errors.ts'
import { createPgliteStorage, createPostgresStorage, type ServerStorage } from './server-storage.ts'

export interface StorageChoice {
  /** Nothing outlives the process. */
  readonly memory: boolean
  /** A folder for the embedded database. */
  readonly data: string | undefined
  /** A PostgreSQL server; what is said on the command line comes before it. */
  readonly databaseUrl: string | undefined
}

export interface ChosenStorage {
  readonly storage: ServerStorage
  close(): Promise<void>
}

/** @throws OutpostError `unsupported` where nothing, or more than one thing, is chosen, or a package is missing */
export async function chooseStorage({ memory, data, databaseUrl }: StorageChoice): Promise<ChosenStorage> {
  if (memory && data !== undefined) throw new OutpostError('unsupported', 'Give --memory or --data, not both: logs are kept in one place.')
  if (memory) {
    const { createMemoryStorage } = await import('../storage/memory/memory-storage.ts')
    return { storage: createMemoryStorage(), close: () => Promise.resolve() }
  }
  if (data !== undefined) return closing(await createPgliteStorage({ folder: data }))
  if (databaseUrl !== undefined) return closing(await createPostgresStorage({ connectionString: databaseUrl }))
  throw new OutpostError(
    'unsupported',
    'Say where logs are kept: DATABASE_URL=postgres://…, --data dir (a database inside the process) or --memory (nothing outlives it).',
  )
}

const closing = (storage: ServerStorage & { close(): Promise<void> }): ChosenStorage => ({ storage, close: () => storage.close() })
