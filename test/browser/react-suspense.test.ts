/** Suspended queries in a real browser: what comes back finds what it had, and what failed is asked anew. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ReactSuspensePage } from './pages/react-suspense.tsx'
import { launchChromium } from './support/chromium.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'

let served: Served
let context: BrowserContext
let page: Remote<ReactSuspensePage>
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./pages/react-suspense.tsx', import.meta.url) })
  context = await launchChromium()
})
afterAll(async () => {
  await context.close()
  await served.close()
})
beforeEach(async () => {
  page = await openRemote<ReactSuspensePage>(context, served.url)
  return () => page.page.close()
})

describe('a component that comes back', () => {
  test('goes on with the result it had', async () => {
    expect(await page.call('comesBack', false)).toBe(0)
  })

  test('leaves the result in its place that another one asked for meanwhile', async () => {
    expect(await page.call('comesBack', true)).toBe(0)
  })
})

describe('a query that fails', () => {
  test('is asked anew when the boundary tries again, and not before', async () => {
    expect(await page.call('tryAgain')).toEqual([
      { text: 'unknown-read-model', asked: 1 },
      { text: 'unknown-read-model', asked: 2 },
      { text: 'a', asked: 3 },
    ])
  })

  test('comes to boundaries that are slow to draw, too', async () => {
    const { caught, asked } = await page.call('slowBoundary')
    expect(caught).toBe(2)
    expect(asked).toBeLessThan(10)
  })
})
