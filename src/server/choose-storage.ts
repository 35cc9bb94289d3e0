/** Where the bin keeps its logs. Each technology is loaded only where it is chosen. */
import { OutpostError } from '../errors.ts'
import type { Storage } from '../storage/storage.ts'

export interface StorageChoice {
  /** Nothing outlives the process. */
  readonly memory: boolean
  /** A folder for the embedded database. */
  readonly data: string | undefined
  /** A PostgreSQL server. */
  readonly databaseUrl: string | undefined
}

/** @throws OutpostError `unsupported` where nothing, or more than one thing, is chosen */
export async function chooseStorage({ memory, data, databaseUrl }: StorageChoice): Promise<Storage> {
  const chosen = [memory ? '--memory' : '', data === undefined ? '' : '--data', databaseUrl === undefined ? '' : 'DATABASE_URL'].filter(
    Boolean,
  )
  if (chosen.length > 1) throw new OutpostError('unsupported', `Give one of ${chosen.join(' and ')}: logs are kept in one place.`)
  if (memory) return (await import('../storage/memory/memory-storage.ts')).createMemoryStorage()
  throw new OutpostError(
    'unsupported',
    chosen.length === 0
      ? 'Say where logs are kept: --memory (nothing outlives the process).'
      : `${chosen[0]} needs PostgreSQL, which this build does not hold yet. Use --memory.`,
  )
}
