/**
 * Time that passes only when it is run, for everything in a simulation. Between two instants all that follows at once comes to
 * rest: no work of storage or server is under way, and nothing is left to do but wait.
 */
import { turn } from '../../storage/memory/turn.ts'

interface Alarm {
  readonly at: number
  /** Of alarms of one instant the first set rings first. */
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

interface Waiter {
  /** Time does not run beyond that for its sake. */
  readonly until: number
  isDone(): boolean
  done(): void
}

/** Tasks in a row in which nothing was under way: streams take one between two pieces. */
const QUIET_TASKS = 2

export class VirtualClock {
  #now: number
  #order = 0
  readonly #alarms: Alarm[] = []
  readonly #waiters = new Set<Waiter>()
  #underWay = 0
  #running = false

  constructor(startAt: number) {
    this.#now = startAt
  }

  readonly now = (): number => this.#now

  readonly later = (delayMs: number, run: () => void): (() => void) => {
    const alarm: Alarm = { at: this.#now + Math.max(0, Math.ceil(delayMs)), order: ++this.#order, run, cancelled: false }
    push(this.#alarms, alarm)
    return () => {
      alarm.cancelled = true
    }
  }

  /** Real work, which takes none of this time: it stands still until that has ended. */
  async work<T>(promise: Promise<T>): Promise<T> {
    this.#underWay++
    try {
      return await promise
    } finally {
      this.#underWay--
    }
  }

  /** Lets so much time pass. */
  run(ms: number): Promise<void> {
    const until = this.#now + ms
    return this.#wait({ until, isDone: () => this.#now >= until && (this.#next()?.at ?? Infinity) > until })
  }

  /**
   * Lets time pass until this has settled.
   *
   * @throws Error where that took longer than `limitMs`; what it was rejected with
   */
  async until<T>(promise: PromiseLike<T>, limitMs: number, what: string): Promise<T> {
    let settled = false
    const end = (): void => void (settled = true)
    promise.then(end, end)
    await this.#wait({ until: this.#now + limitMs, isDone: () => settled })
    if (!settled) throw new Error(`${what} has not come to an end in ${limitMs} ms of the simulation's time.`)
    return await promise
  }

  #wait({ until, isDone }: Pick<Waiter, 'until' | 'isDone'>): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiters.add({ until, isDone, done })
      if (!this.#running) this.#drive().catch(failed)
    })
  }

  async #drive(): Promise<void> {
    this.#running = true
    try {
      for (;;) {
        await this.#rest()
        for (const waiter of this.#waiters) {
          if (!waiter.isDone() && !(this.#now >= waiter.until && (this.#next()?.at ?? Infinity) > waiter.until)) continue
          this.#waiters.delete(waiter)
          waiter.done()
        }
        if (this.#waiters.size === 0) return
        const limit = [...this.#waiters].reduce((least, { until }) => Math.min(least, until), Infinity)
        const next = this.#next()
        if (next && next.at <= limit) {
          pop(this.#alarms)
          this.#now = Math.max(this.#now, next.at)
          next.run()
        } else this.#now = Math.max(this.#now, limit)
      }
    } finally {
      this.#running = false
    }
  }

  async #rest(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TASKS; quiet = this.#underWay > 0 ? 0 : quiet + 1) await turn()
  }

  #next(): Alarm | undefined {
    while (this.#alarms[0]?.cancelled) pop(this.#alarms)
    return this.#alarms[0]
  }
}

const isBefore = (a: Alarm, b: Alarm): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap: the earliest is at 0, the children of `i` at `2i + 1` and `2i + 2`. */
function push(heap: Alarm[], alarm: Alarm): void {
  let place = heap.push(alarm) - 1
  while (place > 0) {
    const parent = (place - 1) >> 1
    if (!isBefore(alarm, heap[parent] as Alarm)) break
    heap[place] = heap[parent] as Alarm
    place = parent
  }
  heap[place] = alarm
}

function pop(heap: Alarm[]): void {
  const last = heap.pop()
  if (!last || heap.length === 0) return
  let place = 0
  for (;;) {
    let child = 2 * place + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Alarm, heap[child] as Alarm)) child++
    if (!isBefore(heap[child] as Alarm, last)) break
    heap[place] = heap[child] as Alarm
    place = child
  }
  heap[place] = last
}
