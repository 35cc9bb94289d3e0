/** The workloads by name, and one run of one of them. */
import type { SubjectName } from '../../demo/src/measure/subject.ts'
import type { Metrics } from '../../demo/src/measure/workloads.ts'
import { runDemoImport, runRawImport } from './import-run.ts'
import type { Orders } from './orders.ts'
import type { Pages } from './pages.ts'
import type { LongLogs } from './scale/long-logs.ts'
import { scaleWorkloads } from './scale/scale-workloads.ts'
import { deviceWorkloads } from './sync/device-workloads.ts'
import type { Rig } from './sync/rig.ts'
import { serverWorkloads } from './sync/server-workloads.ts'
import { type ProfileOptions, runTasks, taskWorkloads } from './tasks-run.ts'

/** Everything that a run may need. */
export interface Scene {
  readonly pages: Pages
  readonly orders: Orders
  readonly logs: LongLogs
  readonly rig: Rig
  readonly profile: ProfileOptions | undefined
}

const syncWorkloads = { ...deviceWorkloads, ...serverWorkloads }

/** Names for many at once. */
export const groups = {
  tasks: [...Object.keys(taskWorkloads), 'size'],
  scale: Object.keys(scaleWorkloads),
  sync: Object.keys(syncWorkloads),
} satisfies Readonly<Record<string, readonly string[]>>

/** Those that need no server. */
export const localWorkloads: readonly string[] = [...groups.tasks, 'import', ...groups.scale]
export const workloads: readonly string[] = [...localWorkloads, ...groups.sync]

/** @returns undefined where the workload has no such equivalent */
export async function runOne(scene: Scene, workload: string, subject: SubjectName): Promise<Metrics | undefined> {
  const { pages, orders, profile } = scene
  const [withServer, atScale] = [syncWorkloads[workload], scaleWorkloads[workload]]
  if (withServer) return subject === 'outpost' ? withServer(scene.rig) : undefined
  if (atScale) return subject === 'outpost' ? atScale(scene) : undefined
  if (workload === 'size') return { ...(await pages.size(subject)) }
  if (workload !== 'import') return runTasks(pages, workload, subject, profile)
  if (subject === 'outpost') return runDemoImport(pages, orders, profile)
  return subject === 'worker' ? runRawImport(pages, orders, profile) : undefined
}
