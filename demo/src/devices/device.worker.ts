/** The worker of one of two devices: as the app's, but that its network can be cut. */
import { sync } from 'outpost/sync'
import { startWorker } from 'outpost/worker'
import { stockroom } from '../domain/domain.ts'
import { plugIn } from './plug-in.ts'

plugIn(self.name)
startWorker(stockroom, { sync: sync({ url: `${location.origin}/sync` }) })
