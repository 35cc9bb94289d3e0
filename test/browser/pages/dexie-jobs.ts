/** The jobs, with a named query that asks Dexie. */
import { domain, query } from 'outpost'
import { dexieTable } from 'outpost/dexie'
import { z } from 'zod'
import { job, jobList } from './jobs.ts'

const beginning = query('beginning', {
  reads: [jobList],
  input: z.object({ text: z.string() }),
  run: async (read, { text }) => (await dexieTable(read.jobList)).where('id').startsWithIgnoreCase(text).primaryKeys(),
})

export const dexieJobs = domain('jobs', { aggregates: [job], readModels: [jobList], queries: [beginning] })
