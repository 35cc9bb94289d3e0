/** PostgreSQL inside this process, its data in a folder, by PGlite: https://pglite.dev */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { FolderLock } from './folder-lock.ts'
import { faultOf, type RunStatement, type SqlDatabase, type SqlRow } from './sql-database.ts'

/**
 * Opens the folder, making it where there is none, and locks it against every other process.
 *
 * @throws `storage-failed` another process has it open
 */
export async function openPglite({ folder }: { readonly folder: string }): Promise<SqlDatabase> {
  const path = resolve(folder)
  await mkdir(path, { recursive: true })
  const lock = await FolderLock.take(path)
  try {
    return over(await PGlite.create(join(path, 'data')), path, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

function over(pglite: PGlite, path: string, lock: FolderLock): SqlDatabase {
  type Query = Pick<PGlite, 'query'>
  const runOn =
    (on: Query, reached: 'under way' | 'committing'): RunStatement =>
    async ({ text }, values) => {
      try {
        return (await on.query<SqlRow>(text, [...values])).rows
      } catch (error) {
        throw faultOf(error, reached)
      }
    }
  let closing: Promise<void> | undefined
  return {
    place: `PGlite in ${path}`,
    run: runOn(pglite, 'committing'),
    async transaction(body) {
      let isOfBody = false
      try {
        return await pglite.transaction(async (transaction) => {
          try {
            return await body(runOn(transaction, 'under way'))
          } catch (error) {
            isOfBody = true
            throw error
          }
        })
      } catch (error) {
        throw isOfBody ? error : faultOf(error, 'committing')
      }
    },
    async listen(channel, listener) {
      await pglite.listen(channel, (payload) => listener.heard(payload))
    },
    close: () =>
      (closing ??= (async () => {
        try {
          await pglite.close()
        } finally {
          await lock.release()
        }
      })()),
  }
}
