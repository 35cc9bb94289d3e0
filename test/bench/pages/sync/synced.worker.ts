/** The page says with the worker's name where the server is. */
import { sync } from 'outpost/sync'
import { startWorker } from 'outpost/worker'
import { tasks } from '../../../../demo/src/measure/domain.ts'

startWorker(tasks, { sync: sync({ url: self.name }) })
