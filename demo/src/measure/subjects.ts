/** The three that are measured, each with databases of its own. */
import { connect } from 'outpost/client'
import { inWorker } from './by-hand/in-worker.ts'
import { onPage } from './by-hand/on-page.ts'
import type { tasks } from './domain.ts'
import { subjectOn } from './outpost.ts'
import type { Subject, SubjectName } from './subject.ts'

/** Begins the names of what is not Outpost's. */
export const prefix = 'stockroom-measure'

/** Neither the space nor the actor is anybody's. */
const connectApp = () =>
  connect<typeof tasks>({
    space: prefix,
    actor: prefix,
    worker: () => new Worker(new URL('./tasks.worker.ts', import.meta.url), { type: 'module', name: 'tasks' }),
  })

export const subjects: Readonly<Record<SubjectName, () => Subject>> = {
  outpost: () => subjectOn(connectApp),
  put: () => onPage(`${prefix}.put`),
  worker: () => inWorker(`${prefix}.worker`),
}
export const subjectsInOrder = Object.keys(subjects) as readonly SubjectName[]
