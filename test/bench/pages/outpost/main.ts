/** The page of Outpost alone, without a server. */
import { connect } from 'outpost/client'
import type { tasks } from '../../../../demo/src/measure/domain.ts'
import { subjectOn } from '../../../../demo/src/measure/outpost.ts'
import { offer } from '../offer.ts'

offer(
  subjectOn(() =>
    connect<typeof tasks>({
      space: 'bench',
      worker: () => new Worker(new URL('../../../../demo/src/measure/tasks.worker.ts', import.meta.url), { type: 'module', name: 'tasks' }),
    }),
  ),
)
