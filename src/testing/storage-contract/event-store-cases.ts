import type { LogStorage } from '../../storage/storage.ts'
import { assertSame } from './assert.ts'
import { contractCase } from './contract-case.ts'
import { oddValues, record } from './samples.ts'

const readAll = ({ events }: LogStorage) => events.read(0, 1_000)

export const eventStoreCases = [
  contractCase('an empty log has no records', async ({ openLog }) => {
    const { events } = await openLog()
    assertSame(await events.last(), undefined, 'last')
    assertSame(await events.read(0, 10), [], 'read')
    assertSame(await events.get([1]), [undefined], 'get')
  }),

  contractCase('an append keeps all its records, in order, relaxed and strict', async ({ openLog }) => {
    const log = await openLog()
    assertSame(await log.events.append([record(1), record(2)], 'relaxed'), 'appended', 'first append')
    assertSame(await log.events.append([record(3)], 'strict'), 'appended', 'second append')
    assertSame(await readAll(log), [record(1), record(2), record(3)], 'records')
    assertSame(await log.events.last(), record(3), 'last')
  }),

  contractCase('an append of nothing writes nothing', async ({ openLog }) => {
    const log = await openLog()
    assertSame(await log.events.append([], 'relaxed'), 'appended', 'append')
    assertSame(await readAll(log), [], 'records')
  }),

  contractCase('an append that comes second is a conflict and writes none of its records', async ({ openLog }) => {
    const [log, other] = [await openLog(0), await openLog(1)]
    await log.events.append([record(1), record(2)], 'relaxed')
    assertSame(await other.events.append([record(2, 'late'), record(3, 'late')], 'relaxed'), 'conflict', 'overlapping append')
    assertSame(await other.events.append([record(1, 'late')], 'strict'), 'conflict', 'append of a used number')
    assertSame(await readAll(other), [record(1), record(2)], 'records after conflicts')
    assertSame(await other.events.append([record(3)], 'relaxed'), 'appended', 'append after a conflict')
    assertSame(await readAll(log), [record(1), record(2), record(3)], 'records')
  }),

  contractCase('of many appenders at once exactly one gets each number, and no record is lost', async ({ openLog }) => {
    const logs = [await openLog(0), await openLog(1)]
    const appended: string[] = []
    let conflicts = 0
    const appendOne = async ({ events }: LogStorage, id: string) => {
      for (;;) {
        const number = ((await events.last())?.number ?? 0) + 1
        if ((await events.append([record(number, id), record(number + 1, `${id}, second`)], 'relaxed')) === 'appended') break
        conflicts++
      }
      appended.push(id, `${id}, second`)
    }
    await Promise.all(logs.flatMap((log, tab) => Array.from({ length: 10 }, (_, i) => appendOne(log, `${tab}/${i}`))))

    const records = await readAll(logs[0] as LogStorage)
    assertSame(
      records.map(({ number }) => number),
      Array.from({ length: 40 }, (_, i) => i + 1),
      'numbers',
    )
    assertSame(records.map(({ id }) => id).sort(), appended.sort(), 'ids')
    assertSame(conflicts > 0, true, 'some of them collided')
  }),

  contractCase('what one handle appended another one reads at once', async ({ openLog }) => {
    const [log, other] = [await openLog(0), await openLog(1)]
    for (let number = 1; number <= 20; number++) {
      await log.events.append([record(number)], 'relaxed')
      assertSame((await other.events.last())?.number, number, 'last')
    }
  }),

  contractCase('reading begins after a number and ends at the limit', async ({ openLog }) => {
    const { events } = await openLog()
    await events.append(
      [1, 2, 3, 4, 5].map((number) => record(number)),
      'relaxed',
    )
    const numbers = async (after: number, limit: number) => (await events.read(after, limit)).map(({ number }) => number)
    assertSame(await numbers(0, 2), [1, 2], 'from the start')
    assertSame(await numbers(2, 2), [3, 4], 'from the middle')
    assertSame(await numbers(3, 100), [4, 5], 'to the end')
    assertSame(await numbers(3, Infinity), [4, 5], 'without limit')
    assertSame(await numbers(5, 10), [], 'after the end')
    assertSame(await numbers(0, 0), [], 'with a limit of none')
  }),

  contractCase('records come by number in the order asked, with undefined for gaps', async ({ openLog }) => {
    const { events } = await openLog()
    await events.append([record(1), record(2), record(3)], 'relaxed')
    assertSame(await events.get([3, 9, 1, 3, 0]), [record(3), undefined, record(1), record(3), undefined], 'records')
    assertSame(await events.get([]), [], 'no records')
  }),

  contractCase('a record comes back exactly as it was given', async ({ openLog }) => {
    const [log, other] = [await openLog(0), await openLog(1)]
    const given = record(1, 'odd', oddValues())
    await log.events.append([given], 'relaxed')
    assertSame(await other.events.last(), record(1, 'odd', oddValues()), 'record')
  }),

  contractCase('changing a value after it was given, or as it was read, changes nothing stored', async ({ openLog }) => {
    const { events } = await openLog()
    const given = { note: 'as given' }
    await events.append([record(1, 'kept', given)], 'relaxed')
    given.note = 'changed by its giver'
    for (const read of await events.read(0, 1)) Object.assign(read.commands[0]?.payload as object, { note: 'changed by its reader' })
    assertSame(await events.last(), record(1, 'kept', { note: 'as given' }), 'record')
  }),

  contractCase('an append puts and deletes entries of the meta data with its records', async ({ openLog }) => {
    const [log, other] = [await openLog(0), await openLog(1)]
    await log.meta.update('gone', () => 'soon')
    const entries = new Map<string, unknown>([
      ['made', { at: new Date(0) }],
      ['gone', undefined],
    ])
    assertSame(await log.events.append([record(1)], 'relaxed', entries), 'appended', 'append')
    assertSame([...(await other.meta.entries(''))], [['made', { at: new Date(0) }]], 'entries')
  }),

  contractCase('an append that is a conflict leaves the meta data as it was', async ({ openLog }) => {
    const [log, other] = [await openLog(0), await openLog(1)]
    await log.events.append([record(1)], 'relaxed', new Map([['who', 'first']]))
    assertSame(await other.events.append([record(1, 'late')], 'relaxed', new Map([['who', 'second']])), 'conflict', 'append')
    assertSame(await log.meta.get('who'), 'first', 'entry')
  }),
]
