import { startWorker } from 'outpost/worker'
import { dexieJobs } from './dexie-jobs.ts'

startWorker(dexieJobs)
