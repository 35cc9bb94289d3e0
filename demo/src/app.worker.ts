/** The worker: decides Commands, keeps Events, fills Read Models, and keeps all that together with the server's. */
import { sync } from 'outpost/sync'
import { startWorker } from 'outpost/worker'
import { stockroom } from './domain/domain.ts'

startWorker(stockroom, { sync: sync({ url: `${location.origin}/sync` }) })
