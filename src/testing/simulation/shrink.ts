/** Finds a small schedule that still fails: by leaving out ever smaller pieces of it (Zeller's delta debugging). */
import type { Schedule } from './schedule.ts'

/**
 * @param fails runs a schedule and says whether it fails as the whole one did
 * @param runs tries at most
 */
export async function shrinkSchedule(schedule: Schedule, fails: (schedule: Schedule) => Promise<boolean>, runs = 200): Promise<Schedule> {
  let small = schedule
  let left = runs
  for (let size = Math.ceil(small.length / 2); size >= 1;) {
    let isSmaller = false
    for (let from = 0; from < small.length && left > 0;) {
      const without = [...small.slice(0, from), ...small.slice(from + size)]
      left--
      if (await fails(without)) {
        small = without
        isSmaller = true
      } else from += size
    }
    if (left <= 0) return small
    if (size === 1 && !isSmaller) return small
    size = size === 1 ? 1 : Math.ceil(size / 2)
  }
  return small
}
