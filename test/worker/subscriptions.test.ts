import { describe, expect, test } from 'vitest'
import type { FromWorker, News } from '../../src/channel/protocol.ts'
import type { FeedListener } from '../../src/worker/feeds.ts'
import { Subscriptions } from '../../src/worker/subscriptions.ts'

/** A feed whose news is how often it was rung. */
function counting() {
  const posted: (readonly { readonly id: number; readonly news: unknown }[])[] = []
  const closed: number[] = []
  const subscriptions = new Subscriptions((message: FromWorker) => {
    if (message.kind !== 'frames') return
    posted.push(message.frames.map((frame) => ({ id: frame.id, news: frame.kind === 'value' ? frame.value : frame.kind })))
  })
  const open = (id: number): FeedListener & { change(): void } => {
    let count = 0
    let told = 0
    let given: FeedListener | undefined
    subscriptions.open(id, (listener) => {
      given = listener
      return {
        take(): News | undefined {
          if (count === told) return undefined
          told = count
          return { kind: 'value', value: count, position: 0, stale: false }
        },
        close: () => closed.push(id),
      }
    })
    const listener = given as unknown as FeedListener
    return {
      ...listener,
      change() {
        count++
        listener.ring()
      },
    }
  }
  return { subscriptions, posted, closed, open }
}
const tick = (): Promise<void> => Promise.resolve()

describe('subscriptions of one client', () => {
  test('are each told of once until they have acknowledged, then of all that happened meanwhile', async () => {
    const { subscriptions, posted, open } = counting()
    const [one, other] = [open(1), open(2)]
    for (let i = 0; i < 50; i++) {
      one.change()
      await tick()
    }
    expect(posted).toEqual([[{ id: 1, news: 1 }]])
    other.change()
    await tick()
    expect(posted).toEqual([[{ id: 1, news: 1 }], [{ id: 2, news: 1 }]])
    subscriptions.acknowledge([1, 2])
    await tick()
    expect(posted.slice(2)).toEqual([[{ id: 1, news: 50 }]])
  })

  test('are told together of what changes in one tick', async () => {
    const { posted, open } = counting()
    const all = [1, 2, 3].map(open)
    for (const each of all) each.change()
    await tick()
    expect(posted).toEqual([[1, 2, 3].map((id) => ({ id, news: 1 }))])
  })

  test('are told nothing where a ring brings nothing new', async () => {
    const { posted, open } = counting()
    open(1).ring()
    await tick()
    expect(posted).toEqual([])
  })

  test('close their feed once, at the end or at a failure, and are silent then', async () => {
    const { subscriptions, posted, closed, open } = counting()
    const [one, other] = [open(1), open(2)]
    subscriptions.close(1)
    subscriptions.close(1)
    other.fail(new RangeError('broken'))
    one.change()
    one.fail(new Error('late'))
    other.change()
    subscriptions.acknowledge([1, 2, 3])
    await tick()
    expect(closed).toEqual([1, 2])
    expect(posted).toEqual([[{ id: 2, news: 'error' }]])
  })

  test('that cannot even begin fail', () => {
    const { subscriptions, posted } = counting()
    subscriptions.open(7, () => {
      throw new RangeError('no such thing')
    })
    expect(posted).toEqual([[{ id: 7, news: 'error' }]])
  })
})
