/** Several apps and builds in one script: the page says with the worker's name which one, and where its server is. */
import { sync } from 'outpost/sync'
import { startWorker } from 'outpost/worker'
import { stock } from '../../fixtures/stock.ts'
import { counters } from './counter.ts'

export type Build = keyof typeof builds
const builds = { stock: () => stock, ...counters }

const [build = '', url = ''] = self.name.split(' ')
startWorker(builds[build as Build](), { sync: sync({ url }) })
