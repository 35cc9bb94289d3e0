/** The page of dexie: watches a named query over a Dexie table. */
import { connect } from 'outpost/client'
import { filter, firstValueFrom, ReplaySubject } from 'rxjs'
import { expose } from './control.ts'
import type { dexieJobs } from './dexie-jobs.ts'

const app = connect<typeof dexieJobs>({
  space: 'main',
  actor: 'ann',
  worker: () => new Worker(new URL('./dexie.worker.ts', import.meta.url), { type: 'module' }),
})
const seen = new ReplaySubject<readonly string[]>()
app.read.beginning({ text: 'bO' }).watch().subscribe(seen)

const api = {
  add: (id: string) => app.commands.job.add(id, { name: id }),
  /** Resolves when the watch shows, or has shown, exactly these. */
  untilSeen: (...ids: string[]) => firstValueFrom(seen.pipe(filter((each) => each.join() === ids.join()))),
  ask: async (text: string) => app.read.beginning({ text }),
  rebuild: () => app.rebuild('jobList'),
  databases: async () => (await indexedDB.databases()).map(({ name = '' }) => name).sort(),
  destroy: () => app.destroy(),
}

export type DexiePage = typeof api
expose(api)
