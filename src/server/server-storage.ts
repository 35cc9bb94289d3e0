/** What a server keeps its logs in, and the storages that it brings along. Each technology is loaded only where it is chosen. */
import { OutpostError } from '../errors.ts'
import type { PgOptions } from '../storage/postgres/pg-database.ts'
import type { PostgresOptions, PostgresStorage } from '../storage/postgres/postgres-storage.ts'
import type { Storage } from '../storage/storage.ts'

/** Any {@link Storage}. One that several processes share tells each what the others appended; else that is looked for each second. */
export interface ServerStorage extends Storage {
  /** Calls back after this log has, or may have, grown. @returns ends it */
  onRecorded?(name: string, callback: () => void): () => void
}

/**
 * Logs in a PostgreSQL server, shared by any number of processes. Needs the package `pg`. To be closed after the server.
 *
 * @throws OutpostError `unsupported` without `pg`, or a PostgreSQL that is too old; `storage-newer`; `storage-failed`
 */
export async function createPostgresStorage(options: PgOptions & PostgresOptions): Promise<PostgresStorage> {
  const [{ openPg }, storage] = await needing('pg', () =>
    Promise.all([import('../storage/postgres/pg-database.ts'), import('../storage/postgres/postgres-storage.ts')]),
  )
  return storage.createPostgresStorage(openPg(options), options)
}

/**
 * Logs in a folder, by PostgreSQL inside this process: for development, demos and tests, since it never asks the disk to write. Needs
 * the package `@electric-sql/pglite`. To be closed after the server.
 *
 * @throws OutpostError `unsupported` without the package; `storage-failed` where another process has the folder; `storage-newer`
 */
export async function createPgliteStorage(options: { readonly folder: string } & PostgresOptions): Promise<PostgresStorage> {
  const [{ openPglite }, storage] = await needing('@electric-sql/pglite', () =>
    Promise.all([import('../storage/postgres/pglite-database.ts'), import('../storage/postgres/postgres-storage.ts')]),
  )
  return storage.createPostgresStorage(await openPglite(options), options)
}

async function needing<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new OutpostError('unsupported', `This storage needs the package "${name}": npm install ${name}.`, { missing: name }, cause)
  }
}
