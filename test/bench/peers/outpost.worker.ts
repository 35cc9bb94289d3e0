import { startWorker } from 'outpost/worker'
import { todos } from './outpost.schema.ts'

startWorker(todos)
