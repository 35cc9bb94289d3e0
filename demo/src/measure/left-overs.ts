/**
 * A database that stands for all that a measurement stores: made before it stores anything, and deleted after everything else.
 * Where it is found, a page was left in the middle.
 */
import { openDatabase, removeDatabase } from './by-hand/idb.ts'
import { prefix, subjects } from './subjects.ts'

export const markLeftOvers = async (): Promise<void> => (await openDatabase(prefix, () => undefined)).close()

/** To be called while nobody measures. */
export async function removeLeftOvers(): Promise<void> {
  if (!(await indexedDB.databases()).some(({ name }) => name === prefix)) return
  await Promise.all(Object.values(subjects).map((make) => make().destroy()))
  await removeDatabase(prefix)
}
