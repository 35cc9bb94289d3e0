/** The page of Outpost alone, without a server. */
import { connect } from 'outpost/client'
import { offer } from '../offer.ts'
import type { tasks } from './domain.ts'
import { subjectOn } from './subject.ts'

offer(
  subjectOn(() =>
    connect<typeof tasks>({
      space: 'bench',
      worker: () => new Worker(new URL('./app.worker.ts', import.meta.url), { type: 'module', name: 'tasks' }),
    }),
  ),
)
