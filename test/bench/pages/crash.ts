/** What is left of Commands that were acknowledged by a page that was killed at once. */
import type { Subject } from '../../../demo/src/measure/subject.ts'
import { makeTasks } from '../../../demo/src/measure/task.ts'
import { checkRows, type Metrics } from '../../../demo/src/measure/workloads.ts'

const killed = 200

async function acknowledged(subject: Subject): Promise<Metrics> {
  for (const task of makeTasks(killed)) await subject.add(task)
  return {}
}

/** What is lost is a figure here, and no failure. */
async function survivors(subject: Subject): Promise<Metrics> {
  const kept = await subject.count()
  if (kept === killed) await checkRows(subject, makeTasks(killed))
  return { kept }
}

export const crash = [acknowledged, survivors] as const
