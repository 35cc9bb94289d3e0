/** The measurement of this page: begins it, ends it, tells how far it is, and leaves nothing behind. */
import type { Figure } from './figures.ts'
import { markLeftOvers, removeLeftOvers } from './left-overs.ts'
import { thisMachine, type Machine } from './machine.ts'
import { run, stepsInRound, type Step } from './run.ts'
import type { Plan } from './sizes.ts'
import { prefix } from './subjects.ts'

export type Measurement =
  | { readonly phase: 'none' | 'ending' }
  | {
      readonly phase: 'running'
      /** Undefined while another tab measures. */
      readonly step: Step | undefined
      /** How many are expected. */
      readonly rounds: number
      /** Steps, of `total`. */
      readonly done: number
      readonly total: number
      /** Since the first step; for how long the rest will take. */
      readonly elapsedMs: number
    }
  | { readonly phase: 'cancelled'; readonly remains: string | undefined }
  | {
      readonly phase: 'failed'
      /** At which step, where it was at one. */
      readonly step: Step | undefined
      readonly error: unknown
      readonly remains: string | undefined
    }
  | {
      readonly phase: 'done'
      readonly figures: readonly Figure[]
      readonly rounds: number
      readonly machine: Machine
      readonly at: number
      readonly elapsedMs: number
      /** Why what was stored could not be deleted, where it could not. */
      readonly remains: string | undefined
    }

export type Result = Extract<Measurement, { readonly phase: 'done' }>

export interface Measurer {
  /** For `useSyncExternalStore`. */
  readonly subscribe: (changed: () => void) => () => void
  readonly current: () => Measurement
  readonly plan: Plan
  start(): void
  /** Does nothing where nothing runs. */
  cancel(): void
}

/** Why it was ended by the visitor. */
const cancelled = new Error('Cancelled.')
const inBackground = (): Error =>
  new Error('The page went to the background, where browsers slow it down. Keep it in front until it is done.')

export function createMeasurer(plan: Plan): Measurer {
  const listeners = new Set<() => void>()
  let measurement: Measurement = { phase: 'none' }
  let abort: AbortController | undefined

  const show = (next: Measurement): void => {
    measurement = next
    for (const changed of listeners) changed()
  }
  /** Two at once would measure each other. Who dies with it lets the next one in. */
  const alone = async (work: () => Promise<void>, options: LockOptions = {}): Promise<void> =>
    navigator.locks.request(prefix, options, work)

  const removed = (): Promise<string | undefined> =>
    removeLeftOvers().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )

  const measure = async (signal: AbortSignal): Promise<void> => {
    let step: Step | undefined
    let startedAt = performance.now()
    const ended = async (): Promise<Measurement> => {
      try {
        // Of a page that was left; nothing of it is to be measured.
        await removeLeftOvers()
        await markLeftOvers()
        const machine = thisMachine()
        startedAt = performance.now()
        const { figures, rounds } = await run({
          ...plan,
          tickMs: machine.tickMs,
          signal,
          onStep(next, rounds, doneInRound) {
            step = next
            const done = next.round * stepsInRound + doneInRound
            show({ phase: 'running', step, rounds, done, total: rounds * stepsInRound, elapsedMs: performance.now() - startedAt })
          },
        })
        const elapsedMs = performance.now() - startedAt
        return { phase: 'done', figures, rounds, machine, at: Date.now(), elapsedMs, remains: await removed() }
      } catch (error) {
        show({ phase: 'ending' })
        const remains = await removed()
        return error === cancelled ? { phase: 'cancelled', remains } : { phase: 'failed', step, error, remains }
      }
    }
    show(await ended())
  }

  const start = async (): Promise<void> => {
    const own = (abort = new AbortController())
    const hidden = (): void => {
      if (document.hidden) own.abort(inBackground())
    }
    document.addEventListener('visibilitychange', hidden)
    show({ phase: 'running', step: undefined, rounds: plan.rounds, done: 0, total: 1, elapsedMs: 0 })
    try {
      await alone(() => measure(own.signal), { signal: own.signal })
    } catch (error) {
      // It never came to measure.
      show(
        error === cancelled ? { phase: 'cancelled', remains: undefined } : { phase: 'failed', step: undefined, error, remains: undefined },
      )
    } finally {
      document.removeEventListener('visibilitychange', hidden)
      abort = undefined
    }
  }

  alone(removeLeftOvers).catch((error: unknown) => console.warn('What a measurement left could not be removed.', error))

  return {
    subscribe: (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    current: () => measurement,
    plan,
    start: () => {
      if (abort === undefined) void start()
    },
    cancel: () => {
      if (abort === undefined) return
      show({ phase: 'ending' })
      abort.abort(cancelled)
    },
  }
}
