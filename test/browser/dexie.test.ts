/** Named queries over Dexie tables, in two tabs: what they see, and that their connections are in nobody's way. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DexiePage } from './pages/dexie.ts'
import { launchChromium } from './support/chromium.ts'
import { openRemote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'

let served: Served
let context: BrowserContext
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./pages/dexie.ts', import.meta.url) })
  context = await launchChromium()
})
afterAll(async () => {
  await context.close()
  await served.close()
})

test('a watch sees what either tab records, a rebuild swaps the rows under it, and destroying the app waits for no connection', async () => {
  const [here, there] = [await openRemote<DexiePage>(context, served.url), await openRemote<DexiePage>(context, served.url)]
  await here.call('add', 'bolt')
  await here.call('add', 'nut')
  await there.call('untilSeen', 'bolt')
  await there.call('add', 'BOARD')
  for (const page of [here, there]) await page.call('untilSeen', 'BOARD', 'bolt')

  await here.call('rebuild')
  const models = async () => (await here.call('databases')).filter((name) => name.includes('.read.'))
  await expect.poll(models, { timeout: 20_000 }).toEqual(['jobs.main.ann.read.jobList@1#2'])
  await here.call('add', 'box')
  for (const page of [here, there]) await page.call('untilSeen', 'BOARD', 'bolt', 'box')
  expect(await there.call('ask', 'n')).toEqual(['nut'])

  await here.call('destroy')
  expect(await here.call('databases')).toEqual([])
})
