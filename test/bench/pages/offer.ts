/** Lets the runner on the other side of the wire drive a subject, and starts the clock of a cold start. */
import type { Subject } from '../../../demo/src/measure/subject.ts'
import { assert } from '../../../demo/src/measure/task.ts'
import { checkCold, coldList, coldRows, type Metrics, phases } from '../../../demo/src/measure/workloads.ts'
import { crash } from './crash.ts'
import { sizes } from './sizes.ts'

const workloads = { ...phases, crash }

export interface Bench {
  open(): Promise<void>
  run(workload: keyof typeof workloads, phase: number): Promise<Metrics>
  close(): Promise<void>
}

export function offer(subject: Subject): void {
  const startedAt = performance.now()
  const isCold = location.hash === '#cold'
  subject.open()
  const first = isCold ? subject.list(coldList, coldRows).then((rows) => ({ rows, at: performance.now() })) : undefined

  const coldStart = async (): Promise<Metrics> => {
    const { rows, at } = (await first) as NonNullable<Awaited<typeof first>>
    await checkCold(subject, rows, sizes.inBulk)
    return { ms: at - startedAt }
  }
  const bench: Bench = {
    async open() {
      await subject.count()
    },
    async run(workload, phase) {
      // The page's own start is what is timed then.
      if (isCold) return coldStart()
      const run = workloads[workload][phase]
      assert(run !== undefined, `There is no phase ${phase} of workload "${workload}".`)
      return run(subject, sizes)
    },
    close: () => subject.close(),
  }
  Object.assign(globalThis, { bench })
}
