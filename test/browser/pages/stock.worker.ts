import { startWorker } from 'outpost/worker'
import { stock } from '../../fixtures/stock.ts'
import { countCollisions } from './count-collisions.ts'
import { answerCount } from './counts.ts'
import { slowCommits } from './slow-commits.ts'

// The page names its worker `«slow?»/«random»`, so that it can ask for its count.
if (self.name.startsWith('slow')) slowCommits(30)
answerCount(self.name, countCollisions())
startWorker(stock)
