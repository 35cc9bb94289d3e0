/** The next version of the app: it has one Read Model more, of few rows, that is built from the whole log. */
import { startWorker } from 'outpost/worker'
import { tallied } from './domain.ts'

startWorker(tallied)
