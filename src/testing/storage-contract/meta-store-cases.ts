import { assert, assertSame } from './assert.ts'
import { contractCase } from './contract-case.ts'
import { ODD_STRINGS, oddValues } from './samples.ts'

export const metaStoreCases = [
  contractCase('a value is made, changed and deleted by update, which gives what it came to', async ({ openLog }) => {
    const [{ meta }, other] = [await openLog(0), await openLog(1)]
    assertSame(await meta.get('epoch'), undefined, 'before')
    assertSame(await meta.update<string>('epoch', (value) => `${value} and first`), 'undefined and first', 'making')
    assertSame(
      await other.meta.update<string>('epoch', (value) => `${value} and second`, 'strict'),
      'undefined and first and second',
      'changing',
    )
    assertSame(await meta.get('epoch'), 'undefined and first and second', 'value')
    assertSame(await meta.update('epoch', () => undefined), undefined, 'deleting')
    assertSame(await other.meta.entries(''), new Map(), 'entries')
  }),

  contractCase('a meta value comes back exactly as it was given, also one that is falsy', async ({ openLog }) => {
    const [{ meta }, other] = [await openLog(0), await openLog(1)]
    const values: Record<string, unknown> = { odd: oddValues(), zero: 0, empty: '', no: false, nothing: null }
    for (const [key, value] of Object.entries(values)) await meta.update(key, () => value)
    for (const [key, value] of Object.entries(values)) assertSame(await other.meta.get(key), value, key)
  }),

  contractCase('an update that gives back what it got writes nothing', async ({ openLog }) => {
    const { meta } = await openLog()
    await meta.update('pointer', () => ({ current: 1 }))
    await meta.update<{ current: number }>('pointer', (value) => {
      if (value) value.current = 2
      return value
    })
    assertSame(await meta.get('pointer'), { current: 1 }, 'value')
    assertSame(await meta.update('none', (value) => value), undefined, 'absent value')
    assertSame([...(await meta.entries('')).keys()], ['pointer'], 'keys')
  }),

  contractCase('an update whose change throws writes nothing and passes the error on', async ({ openLog }) => {
    const { meta } = await openLog()
    await meta.update('pointer', () => 1)
    const thrown = new Error('thrown by the change')
    const caught = await meta
      .update('pointer', () => {
        throw thrown
      })
      .catch((error: unknown) => error)
    assert(caught === thrown, 'the error of the change is passed on')
    assertSame(await meta.get('pointer'), 1, 'value')
    assertSame(await meta.update<number>('pointer', (value = 0) => value + 1), 2, 'the next update')
  }),

  contractCase('100 increments at once from two handles come to 100', async ({ openLog }) => {
    const logs = [await openLog(0), await openLog(1)]
    const counts = await Promise.all(
      logs.flatMap(({ meta }) => Array.from({ length: 50 }, () => meta.update<number>('count', (count = 0) => count + 1))),
    )
    assertSame(await logs[0]?.meta.get('count'), 100, 'count')
    assertSame(
      counts.map(Number).sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
      'each update saw the one before',
    )
  }),

  contractCase('entries are those whose key begins so, whatever its characters', async ({ openLog }) => {
    const { meta } = await openLog()
    const beginnings = ['', 'a', 'b', 'read.', 'read', '\uffff', 'a\uffff', 'a\uffff\uffff', '\ud83d', '😀', '%', '*', '_', '.']
    const keys = [
      ...new Set([
        ...ODD_STRINGS,
        ...beginnings.flatMap((start) => [start, `${start}x`, `${start}\uffff`, `${start}\uffffz`, `${start}😀`]),
      ]),
    ]
    for (const key of keys) await meta.update(key, () => ({ key }))
    for (const prefix of [...beginnings, 'none']) {
      const expected = keys.filter((key) => key.startsWith(prefix)).sort()
      const entries = await meta.entries(prefix)
      assertSame([...entries.keys()].sort(), expected, `keys that begin with ${JSON.stringify(prefix)}`)
      for (const [key, value] of entries) assertSame(value, { key }, `value of ${JSON.stringify(key)}`)
    }
  }),
]
