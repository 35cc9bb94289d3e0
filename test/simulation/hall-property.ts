/** Runs seeds of the hall one after another. A seed that fails is told with the smallest schedule that fails as it does. */
import { shrinkSchedule } from '../../src/testing/simulation/shrink.ts'
import { type HallDisks, type HallRun, hallRun, runOf } from './hall-run.ts'

export interface HallProperty {
  readonly seeds: Iterable<number>
  readonly disks?: () => HallDisks
  /** Of each schedule, at least. */
  readonly commands?: number
  readonly faults?: number
}

/** @returns what happened in all of them, and how often @throws Error with seed and schedule */
export async function hallProperty({ seeds, disks = () => ({}), ...more }: HallProperty): Promise<Map<string, number>> {
  const seen = new Map<string, number>()
  for (const seed of seeds) {
    const run = runOf(seed, more)
    const happened = await hallRun(run, disks()).catch(async (failure: unknown) => {
      throw new Error(await report(run, failure as Error, disks), { cause: failure })
    })
    for (const [what, count] of happened) seen.set(what, (seen.get(what) ?? 0) + count)
  }
  return seen
}

async function report(run: HallRun, failure: Error, disks: () => HallDisks): Promise<string> {
  const wanted = kindOf(failure)
  const small = await shrinkSchedule(run.schedule, async (schedule) => {
    try {
      await hallRun({ ...run, schedule }, disks())
      return false
    } catch (error) {
      return kindOf(error as Error) === wanted
    }
  })
  const { seed, devices, tabs, servers } = run
  const steps = small.map((step) => `  ${JSON.stringify(step)}`).join('\n')
  return `Seed ${seed} (${devices} devices with ${tabs} tabs, ${servers} server processes): ${failure.message}\nThe smallest schedule that fails like it:\n${steps}`
}

/** What stays of a message where ids and numbers are others. */
const kindOf = ({ message }: Error): string => message.replace(/\d+|"[^"]*"/g, '#').slice(0, 60)

/** By name, to be printed and compared. */
export const inOrder = (seen: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...seen].sort(([a], [b]) => (a < b ? -1 : 1)))

/** What must have happened, or the property has not been tried. */
export const wanted = [
  'confirmed',
  'changed',
  'refused',
  'withdrawn',
  'voided',
  'rebases',
  'role moves',
  'duplicates',
  'timers',
  'power loss',
  'server crash',
  ...['append', 'apply', 'saveStates', 'saveRows', 'sending', 'serverAppend'].flatMap((at) => [at, `before ${at}`, `after ${at}`]),
]
