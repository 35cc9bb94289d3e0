/** Several builds in one script: the page says with the worker's name which one it is, `«build»/«random»`. */
import { startWorker } from 'outpost/worker'
import { counters } from './counter.ts'
import { answerCount } from './counts.ts'
import { ledgers } from './ledger.ts'

export type Build = keyof typeof builds
const builds = { ...ledgers, ...counters }

let calls = 0
answerCount(self.name, () => calls)
startWorker(builds[self.name.slice(0, self.name.indexOf('/')) as Build](() => calls++))
