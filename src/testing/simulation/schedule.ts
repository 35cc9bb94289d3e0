/** What happens in a simulation, as plain data: it can be printed, kept and run again. */
import type { CrashPoint, Transaction } from './crash-points.ts'
import type { CommandToGive } from './device.ts'
import type { LinkQuality } from './link.ts'
import { createRandom, type Random } from './random.ts'

/** Devices, tabs and server processes are told by their number, from 0. */
export type Step =
  /** A Command is given; nobody waits for its outcome. */
  | ({ readonly do: 'give'; readonly device: number; readonly tab: number } & CommandToGive)
  /** The device's last Command that was not withdrawn is taken back, if that is still possible. */
  | { readonly do: 'withdraw'; readonly device: number }
  /** So much time passes. */
  | { readonly do: 'run'; readonly ms: number }
  /** The way to the server becomes this bad, or good again with `{}`. */
  | { readonly do: 'link'; readonly device: number; readonly quality: LinkQuality }
  /** The way to the server is cut, or there again; the browser may notice it. */
  | { readonly do: 'cut' | 'join'; readonly device: number; readonly noticed: boolean }
  /** The tab's worker dies: now, or at a point of its work. Another one is started. */
  | { readonly do: 'crashTab'; readonly device: number; readonly tab: number; readonly point?: CrashPoint }
  /** Its storage fails once, at a point of its work. */
  | { readonly do: 'failStorage'; readonly device: number; readonly tab: number; readonly point: CrashPoint }
  | { readonly do: 'openTab' | 'closeTab' | 'hideTab' | 'showTab'; readonly device: number; readonly tab: number }
  /** The tab stands still until it is shown: now, or from a point of its work on. */
  | { readonly do: 'freezeTab'; readonly device: number; readonly tab: number; readonly point?: CrashPoint }
  /** All tabs of the device die, and its log loses so many of its last transactions, as far as they were not forced to the disk. */
  | { readonly do: 'crashDevice'; readonly device: number; readonly lose: number; readonly downMs: number }
  /** A server process dies: now, or at a point of its work. It is started again. */
  | { readonly do: 'crashServer'; readonly process: number; readonly point?: CrashPoint; readonly downMs?: number }

export type Schedule = readonly Step[]

export interface RandomScheduleOptions {
  readonly devices: number
  /** Of each device. Default 2. */
  readonly tabs?: number
  /** Server processes. Default 1. */
  readonly servers?: number
  /** How many Commands are given at least. Default 50. */
  readonly commands?: number
  /** How many faults there are at least. Default 5. */
  readonly faults?: number
  /** Draws a Command. */
  readonly command: (random: Random, device: number) => CommandToGive
}

export const isFault = (step: Step): boolean => !['give', 'withdraw', 'run', 'join', 'openTab', 'showTab'].includes(step.do)

const deviceTransactions: readonly Transaction[] = [
  'append',
  'append',
  'apply',
  'apply',
  'note',
  'saveStates',
  'saveRows',
  'sending',
  'takeRole',
]

/** A schedule that follows from the seed: Commands in bursts, faults between them, time for some of it to come through. */
export function randomSchedule(seed: string | number, options: RandomScheduleOptions): Schedule {
  const { devices, tabs = 2, servers = 1, commands = 50, faults = 5, command } = options
  const random = createRandom(`schedule ${seed}`)
  const steps: Step[] = []
  let given = 0
  let faulty = 0
  while (given < commands || faulty < faults) {
    const device = random.whole(0, devices - 1)
    const tab = random.whole(0, tabs - 1)
    const drawn = random.next()
    if (drawn < 0.45) {
      // Most are given one after another, some at once.
      for (let left = random.chance(0.3) ? random.whole(2, 6) : 1; left > 0; left--, given++)
        steps.push({ do: 'give', device, tab, ...command(random, device) })
    } else if (drawn < 0.75) steps.push({ do: 'run', ms: random.pick([1, 5, 20, 60, 150, 500, 2000, 8000, 20_000]) })
    else if (drawn < 0.78) steps.push({ do: 'withdraw', device })
    else steps.push(...draw(random, { device, tab, process: random.whole(0, servers - 1) }))
    faulty = steps.filter(isFault).length
  }
  return steps
}

function draw(random: Random, { device, tab, process }: { device: number; tab: number; process: number }): Step[] {
  const share = (most: number): number => Math.round(random.next() * most * 100) / 100
  switch (random.whole(0, 13)) {
    case 0:
    case 1: {
      const [least, more] = [random.pick([1, 20, 200]), random.pick([10, 100, 4000])]
      const delayMs = [least, least + more] as const
      return [{ do: 'link', device, quality: { lost: share(0.3), unanswered: share(0.3), cut: share(0.2), doubled: share(0.4), delayMs } }]
    }
    case 2:
      return [{ do: 'link', device, quality: {} }]
    case 3:
    case 4:
      return [{ do: 'cut', device, noticed: random.chance(0.5) }]
    case 5:
    case 6:
      return [{ do: 'join', device, noticed: random.chance(0.5) }]
    case 7:
      return [{ do: 'crashTab', device, tab }]
    case 8:
    case 9: {
      const strike = random.pick(['before', 'after'] as const)
      return [{ do: 'crashTab', device, tab, point: { at: random.pick(deviceTransactions), strike } }]
    }
    case 10: {
      const strike = random.pick(['full', 'inDoubt'] as const)
      return [{ do: 'failStorage', device, tab, point: { at: random.pick(['append', 'apply', 'saveRows']), strike } }]
    }
    case 11: {
      if (random.chance(0.3)) return [{ do: random.pick(['hideTab', 'showTab', 'closeTab', 'openTab'] as const), device, tab }]
      const point: CrashPoint = { at: random.pick(['apply', 'apply', 'append', 'sending', 'saveRows']), strike: 'freeze' }
      return [
        { do: 'freezeTab', device, tab, ...(random.chance(0.6) && { point }) },
        { do: 'run', ms: random.pick([1, 50, 500, 20_000]) },
        ...(random.chance(0.5) ? [{ do: 'showTab', device, tab } as const] : []),
      ]
    }
    case 12:
      return [{ do: 'crashDevice', device, lose: random.pick([0, 1, 2, 5]), downMs: random.pick([100, 5000]) }]
    default: {
      const point: CrashPoint = { at: 'serverAppend', strike: random.pick(['before', 'after'] as const) }
      return [{ do: 'crashServer', process, downMs: random.pick([50, 1000, 10_000]), ...(random.chance(0.7) && { point }) }]
    }
  }
}
