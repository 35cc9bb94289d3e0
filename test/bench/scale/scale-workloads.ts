/** What must not depend on how long the log is, or how much is watched. */
import type { BrowserContext } from 'playwright-core'
import type { Metrics } from '../../../demo/src/measure/workloads.ts'
import { openRemote } from '../../browser/support/remote.ts'
import type { Pages } from '../pages.ts'
import type { ScaleApi } from '../pages/scale/main.ts'
import { startProfiler } from '../profile.ts'
import type { ProfileOptions } from '../tasks-run.ts'
import { heapMB, threadsOf } from '../threads.ts'
import { visit } from '../visit.ts'
import { type LongLogs, rowsOfLog } from './long-logs.ts'

interface Scene {
  readonly pages: Pages
  readonly logs: LongLogs
  readonly profile: ProfileOptions | undefined
}

/** One run. */
export type ScaleWorkload = (scene: Scene) => Promise<Metrics>

const longLog = 1_000_000
const watchers = 1000

/** A page on a copy of that profile, or on a fresh one, does this. */
async function onPage(
  { pages, profile }: Scene,
  { from, name, hash = '' }: { readonly from?: string; readonly name: string; readonly hash?: string },
  work: (page: Awaited<ReturnType<typeof openRemote<ScaleApi>>>) => Promise<Metrics>,
): Promise<Metrics> {
  return visit(
    async ({ context }) => {
      const page = await openRemote<ScaleApi>(context, `${pages.url}scale/${hash}`)
      await page.call('ready')
      const metrics = await profiled(profile, page.page, name, () => work(page))
      await page.call('close')
      return metrics
    },
    from === undefined ? {} : { from },
  )
}

async function profiled<T>(
  profile: ProfileOptions | undefined,
  page: ReturnType<BrowserContext['pages']>[number],
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  if (!profile) return work()
  const threads = await threadsOf(page)
  await threads.worker
  const profiler = await startProfiler(threads)
  const result = await work()
  profile.show(await profiler.stop(profile.folder, name))
  return result
}

const throughput =
  (name: 'seq' | 'burst'): ScaleWorkload =>
  async (scene) => {
    const { logs } = scene
    const byHand = '#by-hand'
    // By hand as well: a browser that has anything stored is slower than one that has nothing.
    const settings = {
      'empty': {},
      'short': { from: await logs.with(rowsOfLog) },
      'long': { from: await logs.with(longLog) },
      'byHand.empty': { hash: byHand },
      'byHand.short': { hash: byHand, from: await logs.byHand() },
    }
    let metrics: Metrics = {}
    for (const [setting, where] of Object.entries(settings)) {
      const measured = await onPage(scene, { ...where, name: `scale-${name}.${setting}` }, (page) => page.call('work', name))
      metrics = { ...metrics, ...named(setting, measured) }
    }
    return metrics
  }

const named = (prefix: string, metrics: Metrics): Metrics =>
  Object.fromEntries(Object.entries(metrics).map(([metric, value]) => [`${prefix}.${metric}`, value]))

/** As a user starts an app that was closed; then what its threads hold. */
async function coldStartOn({ pages }: Scene, from: string): Promise<Metrics> {
  return visit(
    async ({ page: open }) => {
      const page = await open(`${pages.url}outpost/#cold`)
      const threads = await threadsOf(page)
      await page.waitForFunction('globalThis.bench')
      await page.evaluate('bench.open()')
      const metrics = await page.evaluate<Metrics>('bench.run("coldstart", 1)')
      await threads.worker
      const heap = await heapMB(threads)
      await page.evaluate('bench.close()')
      return { ...metrics, heapMB: heap }
    },
    { from },
  )
}

const coldStart: ScaleWorkload = async (scene) => {
  const short = await coldStartOn(scene, await scene.logs.with(rowsOfLog))
  const long = await coldStartOn(scene, await scene.logs.with(longLog))
  return { ...named('short', short), ...named('long', long) }
}

/** @param model `tally` folds in memory; `taskList` has more rows than may wait for storage */
const rebuild =
  (model: 'tally' | 'taskList'): ScaleWorkload =>
  async (scene) => {
    const from = await scene.logs.with(longLog)
    return onPage(scene, { from, name: `scale-rebuild.${model}`, hash: '#tally' }, async (page) => {
      await page.call('built', 'tally')
      return page.call('rebuild', model)
    })
  }

const watching =
  (kind: 'equal' | 'range'): ScaleWorkload =>
  (scene) =>
    onPage(scene, { name: `scale-watchers.${kind}` }, (page) => page.call('watchers', kind, watchers))

export const scaleWorkloads: Readonly<Record<string, ScaleWorkload>> = {
  'scale-seq': throughput('seq'),
  'scale-burst': throughput('burst'),
  'scale-coldstart': coldStart,
  'scale-rebuild': rebuild('tally'),
  'scale-rebuild-rows': rebuild('taskList'),
  'scale-watchers': watching('equal'),
  'scale-watchers-range': watching('range'),
}
