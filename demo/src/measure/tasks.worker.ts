import { startWorker } from 'outpost/worker'
import { tasks } from './domain.ts'

startWorker(tasks)
