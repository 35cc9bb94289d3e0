import type { PersistenceStore, SavedState, StateWrites } from '../../storage/storage.ts'
import { assertSame } from './assert.ts'
import { contractCase } from './contract-case.ts'
import { checkpoint, ODD_STRINGS, oddValues } from './samples.ts'

const saved = (key: string, position: number, dueAt?: number): SavedState => ({
  key,
  version: 1,
  position,
  state: { key, position },
  ...(dueAt !== undefined && { dueAt }),
})

const write = (fold: string, from: number, to: number, puts: readonly SavedState[], removes: readonly string[] = []): StateWrites => ({
  fold,
  expected: from === 0 ? undefined : checkpoint(from),
  checkpoint: checkpoint(to),
  puts,
  removes,
})

const keysOf = async (states: PersistenceStore, fold: string, limit = 100) => (await states.due(fold, limit)).states.map(({ key }) => key)

export const persistenceStoreCases = [
  contractCase('a fold that was never saved has neither states nor checkpoint', async ({ openLog }) => {
    const { states } = await openLog()
    assertSame(await states.load('stock', ['a', 'b']), { checkpoint: undefined, states: [undefined, undefined] }, 'load')
    assertSame(await states.due('stock', 10), { checkpoint: undefined, states: [] }, 'due')
    assertSame(await states.checkpoints(), new Map(), 'checkpoints')
  }),

  contractCase('saved states come back in the order asked, with the checkpoint they are as of', async ({ openLog }) => {
    const [{ states }, other] = [await openLog(0), await openLog(1)]
    assertSame(
      await states.save([write('stock', 0, 3, [saved('a', 1), saved('b', 3)]), write('order', 0, 2, [saved('a', 2)])]),
      'saved',
      'save',
    )
    assertSame(
      await other.states.load('stock', ['b', 'none', 'a', 'b']),
      { checkpoint: checkpoint(3), states: [saved('b', 3), undefined, saved('a', 1), saved('b', 3)] },
      'one fold',
    )
    assertSame(await other.states.load('order', ['a']), { checkpoint: checkpoint(2), states: [saved('a', 2)] }, 'the other fold')
    assertSame(await other.states.load('order', []), { checkpoint: checkpoint(2), states: [] }, 'no keys')
    assertSame(
      await other.states.checkpoints(),
      new Map([
        ['order', checkpoint(2)],
        ['stock', checkpoint(3)],
      ]),
      'checkpoints',
    )
  }),

  contractCase('a later save replaces and removes states, and keeps the others', async ({ openLog }) => {
    const { states } = await openLog()
    await states.save([write('stock', 0, 1, [saved('a', 1), saved('b', 1), saved('c', 1)])])
    assertSame(await states.save([write('stock', 1, 2, [saved('b', 2)], ['c', 'none'])]), 'saved', 'second save')
    assertSame(
      await states.load('stock', ['a', 'b', 'c']),
      { checkpoint: checkpoint(2), states: [saved('a', 1), saved('b', 2), undefined] },
      'states',
    )
  }),

  contractCase('many states come back, however they were saved: at once, one by one, changed, removed, large', async ({ openLog }) => {
    const [{ states }, other] = [await openLog(0), await openLog(1)]
    const expected = new Map<string, SavedState>()
    const keys = Array.from({ length: 700 }, (_, i) => `item ${(i * 7919) % 700}`)
    let from = 0
    const save = async (puts: readonly SavedState[], removes: readonly string[] = []) => {
      for (const key of removes) expected.delete(key)
      for (const put of puts) expected.set(put.key, put)
      assertSame(await states.save([write('stock', from, ++from, puts, removes)]), 'saved', `save ${from}`)
      const { states: found } = await other.states.load('stock', keys)
      assertSame(
        found,
        keys.map((key) => expected.get(key)),
        `states after save ${from}`,
      )
      const due = [...expected.values()].filter(({ dueAt }) => dueAt !== undefined).sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
      assertSame(
        await keysOf(other.states, 'stock', 1000),
        due.map(({ key }) => key),
        `timers after save ${from}`,
      )
    }
    await save(keys.slice(0, 1).map((key) => saved(key, 1)))
    await save(keys.slice(0, 60).map((key, i) => saved(key, 2, i % 3 === 0 ? 1000 + i : undefined)))
    await save(keys.slice(50, 600).map((key, i) => saved(key, 3, i % 5 === 0 ? i : undefined)))
    await save([], keys.slice(100, 300))
    await save(
      keys.slice(595, 640).map((key, i) => ({ ...saved(key, 5, 3000 + i), state: { text: 'x'.repeat(9000) } })),
      keys.slice(590, 600),
    )
    for (const key of keys.slice(0, 5)) await save([saved(key, 6)], [key, 'none'])
    await save(keys.slice(640).map((key) => saved(key, 7)))
  }),

  contractCase('a save over another checkpoint than the stored one is stale and writes nothing', async ({ openLog }) => {
    const { states } = await openLog()
    await states.save([write('stock', 0, 5, [saved('a', 5)])])
    const stale = async (expected: StateWrites['expected'], what: string) => {
      const attempt: StateWrites = {
        fold: 'stock',
        expected,
        checkpoint: checkpoint(9),
        puts: [saved('a', 9), saved('b', 9)],
        removes: ['a'],
      }
      assertSame(await states.save([attempt]), 'stale', what)
      assertSame(await states.load('stock', ['a', 'b']), { checkpoint: checkpoint(5), states: [saved('a', 5), undefined] }, `after ${what}`)
    }
    await stale(undefined, 'a save that expects none')
    await stale(checkpoint(4), 'a save that expects an earlier record')
    await stale(checkpoint(6), 'a save that expects a later record')
    await stale(checkpoint(5, 'other'), 'a save that expects another record of the same number')
    assertSame(await states.save([{ ...write('order', 1, 2, []) }]), 'stale', 'a save that expects what was never saved')
  }),

  contractCase('one stale fold keeps all folds of a save from being written', async ({ openLog }) => {
    const { states } = await openLog()
    await states.save([write('stock', 0, 1, [saved('a', 1)]), write('order', 0, 1, [])])
    const fresh = write('stock', 1, 2, [saved('a', 2)])
    const stale = write('order', 7, 8, [saved('o', 8)])
    for (const attempt of [
      [fresh, stale],
      [stale, fresh],
    ]) {
      assertSame(await states.save(attempt), 'stale', 'save')
      assertSame(await states.load('stock', ['a']), { checkpoint: checkpoint(1), states: [saved('a', 1)] }, 'the fresh fold')
      assertSame(await states.load('order', ['o']), { checkpoint: checkpoint(1), states: [undefined] }, 'the stale fold')
    }
    assertSame(await states.save([fresh, write('order', 1, 2, [])]), 'saved', 'save of two fresh folds')
  }),

  contractCase('of two saves from one checkpoint one is saved and the other stale', async ({ openLog }) => {
    const logs = [await openLog(0), await openLog(1)]
    for (let number = 0; number < 10; number++) {
      const outcomes = await Promise.all(
        logs.map(({ states }, tab) =>
          states.save([
            {
              ...write('stock', 0, 1, [saved('a', tab)]),
              expected: number ? checkpoint(number) : undefined,
              checkpoint: checkpoint(number + 1),
            },
          ]),
        ),
      )
      assertSame([...outcomes].sort(), ['saved', 'stale'], `outcomes of round ${number}`)
      const { states } = await (logs[0] as (typeof logs)[0]).states.load('stock', ['a'])
      assertSame(states, [saved('a', outcomes.indexOf('saved'))], `state of round ${number}`)
    }
  }),

  contractCase('a state comes back exactly as it was given, whatever its key', async ({ openLog }) => {
    const [{ states }, other] = [await openLog(0), await openLog(1)]
    const odd = (): SavedState[] => ODD_STRINGS.map((key) => ({ ...saved(key, 1, 5), state: oddValues() }))
    for (const fold of ['', '__proto__', '\ud800']) {
      await states.save([{ ...write(fold, 0, 1, odd()) }])
      assertSame((await other.states.load(fold, ODD_STRINGS)).states, odd(), `states of fold ${JSON.stringify(fold)}`)
    }
    assertSame([...(await other.states.checkpoints()).keys()].sort(), ['', '__proto__', '\ud800'].sort(), 'folds')
  }),

  contractCase('timers come earliest first, of their own fold only, up to the limit', async ({ openLog }) => {
    const { states } = await openLog()
    await states.save([
      write('order', 0, 4, [
        saved('late', 1, 300),
        saved('none', 1),
        saved('early', 1, -100),
        saved('b', 1, 200),
        saved('a', 1, 200),
        saved('zero', 1, 0),
      ]),
      write('order 2', 0, 4, [saved('other', 1, 1)]),
      write('orde', 0, 4, [saved('another', 1, 2)]),
    ])
    assertSame(await keysOf(states, 'order'), ['early', 'zero', 'a', 'b', 'late'], 'order')
    assertSame(await keysOf(states, 'order', 2), ['early', 'zero'], 'first two')
    assertSame(await keysOf(states, 'order', 0), [], 'none')
    assertSame(await states.due('order 2', 5), { checkpoint: checkpoint(4), states: [saved('other', 1, 1)] }, 'the other fold')
  }),

  contractCase('a state saved without its timer, or removed, is due no more', async ({ openLog }) => {
    const { states } = await openLog()
    await states.save([write('order', 0, 1, [saved('a', 1, 100), saved('b', 1, 200), saved('c', 1, 300)])])
    await states.save([write('order', 1, 2, [saved('a', 2), saved('b', 2, 400)], [])])
    assertSame(await keysOf(states, 'order'), ['c', 'b'], 'after saving again')
    await states.save([write('order', 2, 3, [], ['c'])])
    assertSame(await keysOf(states, 'order'), ['b'], 'after removing')
  }),

  contractCase('dropping a fold takes its states, timers and checkpoint, and leaves other folds', async ({ openLog }) => {
    const { states } = await openLog()
    await states.save([
      write('stock', 0, 1, [saved('a', 1, 5)]),
      write('stock 2', 0, 1, [saved('a', 1, 5)]),
      write('stoc', 0, 1, [saved('a', 1, 5)]),
    ])
    await states.drop('stock')
    await states.drop('never saved')
    assertSame(await states.load('stock', ['a']), { checkpoint: undefined, states: [undefined] }, 'the dropped fold')
    assertSame(await keysOf(states, 'stock'), [], 'its timers')
    for (const fold of ['stock 2', 'stoc']) {
      assertSame(await states.load(fold, ['a']), { checkpoint: checkpoint(1), states: [saved('a', 1, 5)] }, fold)
    }
    assertSame(await states.save([write('stock', 0, 2, [saved('b', 2)])]), 'saved', 'saving it anew')
  }),
]
