/** One run of a workload on tasks. */
import type { SubjectName } from '../../demo/src/measure/subject.ts'
import type { Metrics } from '../../demo/src/measure/workloads.ts'
import { prepareCrash } from '../browser/support/processes.ts'
import type { Pages } from './pages.ts'
import { startProfiler } from './profile.ts'
import { threadsOf } from './threads.ts'
import { visit } from './visit.ts'

/** How many pages each takes, one after the other on the same profile; the last one looks what is left. */
export const taskWorkloads: Readonly<Record<string, number>> = {
  seq: 2,
  burst: 2,
  update: 2,
  bulk: 2,
  coldstart: 2,
  watch: 1,
  fanout: 1,
  crash: 2,
}

export interface ProfileOptions {
  readonly folder: string
  readonly show: (text: string) => void
}

/** What a page's address says behind its name. */
export const addressOf = (workload: string, phase: number): string => (workload === 'coldstart' && phase === 1 ? '#cold' : '')

export function runTasks(pages: Pages, workload: string, subject: SubjectName, profile?: ProfileOptions): Promise<Metrics> {
  return visit(async ({ page: open }) => {
    let metrics: Metrics = {}
    for (let phase = 0; phase < (taskWorkloads[workload] ?? 0); phase++) {
      const page = await open(`${pages.url}${subject}/${addressOf(workload, phase)}`)
      await page.waitForFunction('globalThis.bench')
      await page.evaluate('bench.open()')
      const crash = workload === 'crash' && phase === 0 ? await prepareCrash(page) : undefined
      const profiler = profile && phase === 0 ? await startProfiler(await threadsOf(page)) : undefined
      metrics = { ...metrics, ...(await page.evaluate<Metrics>(`bench.run(${JSON.stringify(workload)}, ${phase})`)) }
      if (profiler && profile) profile.show(await profiler.stop(profile.folder, `${workload}.${subject}`))
      if (crash) {
        await crash()
        continue
      }
      await page.evaluate('bench.close()')
      await page.close()
    }
    return metrics
  })
}
