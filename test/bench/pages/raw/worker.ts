/** By hand behind a worker: an Event and a row for each change, in one transaction. */
import { inWorker } from '../../../../demo/src/measure/by-hand/in-worker.ts'
import { offer } from '../offer.ts'

offer(inWorker('tasks'))
