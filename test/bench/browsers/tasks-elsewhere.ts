/** One run of a workload on tasks in a browser that is not Chromium. */
import type { SubjectName } from '../../../demo/src/measure/subject.ts'
import type { Metrics } from '../../../demo/src/measure/workloads.ts'
import type { Pages } from '../pages.ts'
import { addressOf, taskWorkloads } from '../tasks-run.ts'
import { type OtherBrowser, withOther } from './other-browsers.ts'

let visits = 0

export function runTasksElsewhere(browser: OtherBrowser, pages: Pages, workload: string, subject: SubjectName): Promise<Metrics> {
  const visit = ++visits
  const nameOf = (phase: number): string => `visit-${visit}-${phase}`
  const [base, hash] = [`${pages.url}${subject}/driven.html`, (phase: number) => addressOf(workload, phase)]
  const urlOf = (phase: number): string => `${base}?${nameOf(phase)}${hash(phase)}`
  return withOther(browser, urlOf(0), async () => {
    let metrics: Metrics = {}
    const phases = taskWorkloads[workload] ?? 0
    for (let phase = 0; phase < phases; phase++) {
      const page = nameOf(phase)
      await pages.switchboard.call(page, 'open')
      metrics = { ...metrics, ...((await pages.switchboard.call(page, 'run', [workload, phase])) as Metrics) }
      await pages.switchboard.call(page, 'close')
      if (phase + 1 < phases) pages.switchboard.leave(page, urlOf(phase + 1))
    }
    return metrics
  })
}
