/** Lets the runner on the other side of the wire drive a subject, and starts the clock of a cold start. */
import type { Subject } from './subject.ts'
import { assert, assertSameTasks, listName, makeTasks } from './task.ts'
import { type Metrics, phases, seeded } from './workloads.ts'

export interface Bench {
  open(): Promise<void>
  run(workload: string, phase: number): Promise<Metrics>
  close(): Promise<void>
}

const coldList = 7
const coldRows = 50

export function offer(subject: Subject): void {
  const startedAt = performance.now()
  const isCold = location.hash === '#cold'
  const isOpen = Promise.resolve(subject.open())
  const first = isCold ? subject.list(listName(coldList), coldRows).then((rows) => ({ rows, at: performance.now() })) : undefined

  const coldStart = async (): Promise<Metrics> => {
    const { rows, at } = (await first) as NonNullable<Awaited<typeof first>>
    const expected = makeTasks(seeded).filter(({ list }) => list === listName(coldList))
    assertSameTasks(rows, expected.slice(0, coldRows), 'the first rows')
    assert((await subject.count()) === seeded, 'Not all rows are there after the cold start.')
    return { ms: at - startedAt }
  }
  const bench: Bench = {
    async open() {
      await isOpen
      await subject.count()
    },
    async run(workload, phase) {
      if (isCold) return coldStart()
      const run = phases[workload]?.[phase]
      assert(run !== undefined, `There is no phase ${phase} of workload "${workload}".`)
      return run(subject)
    },
    close: () => subject.close(),
  }
  Object.assign(globalThis, { bench })
}
