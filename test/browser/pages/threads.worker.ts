/** The page says with the worker's name how its start goes. */
import { startWorker } from 'outpost/worker'
import { jobs } from './jobs.ts'

// Whatever the page has said until then is lost: a worker hears nothing before its script has run to its first pause.
if (self.name === 'late') await new Promise((resolve) => setTimeout(resolve, 50))
if (self.name === 'throwing') throw new Error('the stock book is missing')

startWorker(jobs)
addEventListener('message', ({ data }) => {
  if (data === 'throw') throw new RangeError('nobody awaits this')
  if (data === 'reject') void Promise.reject(new RangeError('nor this'))
})
