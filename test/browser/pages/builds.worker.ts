/** Several builds in one script: the page says with the worker's name which one it is, `«build»/«records held»/«random»`. */
import { startWorker } from 'outpost/worker'
import { counters } from './counter.ts'
import { answerCount } from './counts.ts'
import { holdRecords } from './hold-records.ts'
import { ledgers } from './ledger.ts'

export type Build = keyof typeof builds
const builds = { ...ledgers, ...counters }

const [build = '', held] = self.name.split('/')
// Half of the log's records are handed out, so that there is time to look at what reads them all, and to kill it.
if (held) holdRecords(Number(held) / 2, Number(held))

let calls = 0
answerCount(self.name, () => calls)
startWorker(builds[build as Build](() => calls++))
