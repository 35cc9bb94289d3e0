import type { LogRecord } from '../record.ts'
import type { EventStore } from '../storage.ts'
import type { Connection } from './connection.ts'
import { countOf } from './key-range.ts'
import { resultOf, resultsOf } from './request.ts'

export function createEventStore(connection: Connection, ranges: typeof IDBKeyRange): EventStore {
  return {
    last: () =>
      connection.read(['records'], 'Reading the last record of', async (transaction) => {
        const cursor = await resultOf(transaction.objectStore('records').openCursor(null, 'prev'))
        return cursor?.value as LogRecord | undefined
      }),

    async append(records, durability, meta) {
      if (records.length === 0) return 'appended'
      let taken = false
      try {
        return await connection.write(durability, 'Appending to', (transaction) => {
          const store = transaction.objectStore('records')
          for (const record of records) {
            const request = store.add(record, record.number)
            request.onerror = () => {
              taken ||= request.error?.name === 'ConstraintError'
            }
          }
          for (const [key, value] of meta ?? []) {
            if (value === undefined) transaction.objectStore('meta').delete(key)
            else transaction.objectStore('meta').put(value, key)
          }
          return 'appended'
        })
      } catch (error) {
        if (taken) return 'conflict'
        throw error
      }
    },

    read: async (after, limit) =>
      limit <= 0
        ? []
        : connection.read(['records'], 'Reading records of', (transaction) =>
            resultOf<LogRecord[]>(transaction.objectStore('records').getAll(ranges.lowerBound(after, true), countOf(limit))),
          ),

    get: (numbers) =>
      connection.read(['records'], 'Reading records of', (transaction) => {
        const store = transaction.objectStore('records')
        return resultsOf<LogRecord | undefined>(numbers.map((number) => store.get(number)))
      }),
  }
}
