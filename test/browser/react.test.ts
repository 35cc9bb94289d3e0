/** Hooks in a real browser, with its frames, over an engine that is moved by hand. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ReactPage } from './pages/react.tsx'
import { launchChromium } from './support/chromium.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'

let served: Served
let context: BrowserContext
let page: Remote<ReactPage>
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./pages/react.tsx', import.meta.url) })
  context = await launchChromium()
})
afterAll(async () => {
  await context.close()
  await served.close()
})
beforeEach(async () => {
  page = await openRemote<ReactPage>(context, served.url)
  return () => page.page.close()
})

const row = (sku: string, onHand = 0) => ({ sku, name: sku.toUpperCase(), onHand })

describe('useQuery', () => {
  test('is loading, then follows the result', async () => {
    const current = { loading: false, stale: false }
    expect(await page.call('follow')).toMatchObject([
      { loading: true, stale: false },
      { ...current, data: [row('a')] },
      { ...current, data: [row('a'), row('b')] },
    ])
  })

  test('lets rows that did not change, or only moved, keep what was rendered of them', async () => {
    expect(await page.call('renderRows')).toEqual({ rendered: ['b'], text: 'c0 a0 b5' })
  })

  test('renders once a frame at most, however fast results come, and ends with the last', async () => {
    const { renders, frames, messages } = await page.call('pour')
    expect(frames).toBeLessThan(messages)
    expect(renders).toBeGreaterThan(0)
    expect(renders).toBeLessThanOrEqual(frames + 1)
  })

  test('does not render where the log went on, but the result is the same', async () => {
    expect(await page.call('still')).toBe(0)
  })

  test('asks the worker once for a query that is written anew at each render', async () => {
    const { renders, subscribed, unsubscribed } = await page.call('rerender')
    expect(renders).toBeGreaterThan(20)
    expect({ subscribed, unsubscribed }).toEqual({ subscribed: 1, unsubscribed: 0 })
  })

  test('keeps the result of the query before, marked stale, until the next one has its own', async () => {
    expect(await page.call('change')).toEqual([
      { loading: true, stale: false },
      { loading: false, stale: false, data: ['one'] },
      { loading: true, stale: true, data: ['one'] },
      { loading: false, stale: false, data: ['two'] },
      { loading: false, stale: false },
    ])
  })

  test('shows nothing of an app that another one has taken the place of', async () => {
    expect(await page.call('anotherApp')).toEqual([
      { loading: true, stale: false },
      { loading: false, stale: false, data: 'bob’s' },
    ])
  })

  test('shares one watch among all components that ask the same, and leaves none behind', async () => {
    expect(await page.call('leave')).toEqual({ mounted: 1, left: 0 })
  })

  test('tells why a query fails', async () => {
    expect(await page.call('fail')).toEqual([
      { loading: true, stale: false },
      { loading: false, stale: true, error: 'unknown-read-model' },
    ])
  })
})

describe('useSuspenseQuery', () => {
  test('suspends until there is a result, and not again for the next', async () => {
    expect(await page.call('suspend')).toEqual({ texts: ['waiting', 'a', 'ab'], watches: 1 })
  })

  test('throws what the query fails with to the nearest boundary', async () => {
    expect(await page.call('suspendAndFail')).toBe('unknown-read-model')
  })
})

describe('useCommand', () => {
  test('tells what becomes of the Command given last: pending, accepted, refused, failed, forgotten', async () => {
    const idle = { pending: false, outcome: null, refusal: null, error: null }
    const pending = { ...idle, pending: true }
    const { states, returned } = await page.call('command')
    expect(states).toEqual([
      idle,
      pending,
      { ...idle, outcome: true },
      pending,
      { ...idle, outcome: false, refusal: 'expired' },
      pending,
      { ...idle, error: 'decide-failed' },
      idle,
      pending,
      { ...idle, pending: true, outcome: true },
      { ...idle, outcome: true },
    ])
    expect(returned).toMatchObject([
      expect.stringContaining('"ok":true'),
      expect.stringContaining('"refusal":"expired"'),
      expect.stringContaining('"fault"'),
    ])
  })
})

describe('useCommand of what throws at once', () => {
  test('tells it as any other fault, and is not pending any more', async () => {
    expect(await page.call('commandThrows')).toEqual({ returned: ['ok', 'fault'], state: { pending: false, error: 'No such bin.' } })
  })
})

describe('useStatus', () => {
  test('follows the status', async () => {
    expect(await page.call('status')).toBe('ready 7')
  })
})

describe('useSync', () => {
  test('stays what it was told last where the worker fails or the app is closed, and takes nothing away', async () => {
    const thrown: Error[] = []
    page.page.on('pageerror', (error) => thrown.push(error))
    expect(await page.call('syncFails')).toEqual(['connecting', 'connecting'])
    expect(thrown).toEqual([])
  })
})
