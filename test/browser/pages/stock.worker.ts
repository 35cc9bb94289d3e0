import { startWorker } from 'outpost/worker'
import { stock } from '../../fixtures/stock.ts'
import { countCollisions } from './count-collisions.ts'
import { answerCount } from './counts.ts'

// The page names its worker, so that it can ask for its count.
answerCount(self.name, countCollisions())
startWorker(stock)
