/** The worker: decides Commands, keeps Events, fills Read Models. */
import { startWorker } from 'outpost/worker'
import { stockroom } from './domain/domain.ts'

startWorker(stockroom)
