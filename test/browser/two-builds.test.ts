/** Two builds of one app at the same data: an older one next to a newer one, and after it. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import type { BuildsPage } from './pages/builds.ts'
import type { Build } from './pages/builds.worker.ts'
import { launchChromium } from './support/chromium.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'

let served: Served
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./pages/builds.ts', import.meta.url) })
})
afterAll(() => served.close())

let context: BrowserContext
beforeEach(async () => {
  context = await launchChromium()
})
afterEach(() => context.close())

type Page = Remote<BuildsPage>
async function open(build: Build): Promise<Page> {
  const page = await openRemote<BuildsPage>(context, served.url)
  await page.call('start', build)
  return page
}
const give = (page: Page, type: string, aggregateId: string, payload: object = {}) => page.call('give', { type, aggregateId, payload })
const rowsOf = async (page: Page, model: string, position: number): Promise<unknown> => JSON.parse(await page.call('rows', model, position))
const eventsOf = async (page: Page, position: number) => JSON.parse(await page.call('events', position)) as readonly RecordedEvent[]

describe('hazard 10, an old tab and a new one', () => {
  test('the old one refuses what it cannot understand, shows what it has as stale, and goes on with the rest', async () => {
    const old = await open('counter-old')
    await give(old, 'counter.begin', 'x')
    await give(old, 'counter.add', 'x', { by: 8 })
    await rowsOf(old, 'counters', 2)
    const young = await open('counter-new')
    expect(await give(young, 'counter.halve', 'x')).toMatchObject({ ok: true, position: 3 })
    await old.call('untilPosition', 3)

    expect(await give(old, 'counter.add', 'x', { by: -5 })).toMatchObject({ fault: 'outdated' })
    expect(await old.call('load', 'counter', ['x'])).toMatchObject([{ id: 'x', fault: 'outdated' }])
    const parked = await old.call('untilModel', 'counters', 'parked')
    expect(parked).toMatchObject({ version: 1, position: 2, parked: { position: 3, eventType: 'counter.halved' } })
    expect(await old.call('glance', 'counters', 50)).toEqual({ data: [{ id: 'x', n: 8 }], count: 1, position: 2, stale: true })

    expect(await give(old, 'counter.begin', 'y')).toMatchObject({ ok: true, position: 4 })
    expect(await give(old, 'counter.add', 'y', { by: 2 })).toMatchObject({ ok: true, position: 5 })
    expect(await give(old, 'note.write', 'n', { text: 'still here' })).toMatchObject({ ok: true, position: 6 })
    expect(await old.call('load', 'note', ['n'])).toEqual([{ id: 'n', state: { text: 'still here' }, version: 1 }])

    await young.call('untilPosition', 6)
    expect(await give(young, 'counter.add', 'x', { by: -5 })).toMatchObject({ ok: false, refusal: 'tooSmall', details: { n: 4 } })
    expect(await rowsOf(young, 'counters', 6)).toEqual([
      { id: 'x', n: 4 },
      { id: 'y', n: 2 },
    ])
    expect(await rowsOf(young, 'notes', 6)).toEqual([{ id: 'n', text: 'still here' }])
    expect((await eventsOf(young, 6)).map(({ type, aggregateId, version }) => `${type} ${aggregateId} ${version}`)).toEqual([
      'counter.begun x 1',
      'counter.added x 2',
      'counter.halved x 3',
      'counter.begun y 1',
      'counter.added y 2',
      'note.written n 1',
    ])
  })

  test('also an Event of a known name in a newer version; and the new one reads what the old one wrote', async () => {
    const [old, young] = [await open('counter-old'), await open('counter-new')]
    await give(old, 'counter.begin', 'x')
    await give(old, 'counter.add', 'x', { by: 3 })
    await young.call('untilPosition', 2)
    expect(await give(young, 'counter.add', 'x', { by: 4 })).toMatchObject({ ok: true, position: 3 })
    expect((await eventsOf(young, 3)).map(({ data }) => data)).toEqual([{}, { by: 3, unit: 'piece' }, { by: 4, unit: 'box' }])
    await old.call('untilPosition', 3)
    expect(await give(old, 'counter.add', 'x', { by: 1 })).toMatchObject({ fault: 'outdated' })
  })

  test('opened alone after the new one, the old one never decides on a state without what it cannot understand', async () => {
    const young = await open('counter-new')
    await give(young, 'counter.begin', 'x')
    await give(young, 'counter.add', 'x', { by: 8 })
    await give(young, 'counter.halve', 'x')
    await rowsOf(young, 'counters', 3)
    await young.call('close')
    await young.page.close()

    const old = await open('counter-old')
    // From its Events it cannot know the state; from what the new one saved it can, where the shape is the same.
    const answer = await give(old, 'counter.add', 'x', { by: -5 })
    if ('fault' in answer) expect(answer).toMatchObject({ fault: 'outdated' })
    else expect(answer).toMatchObject({ ok: false, refusal: 'tooSmall', details: { n: 4 } })
    expect(await old.call('untilModel', 'counters', 'parked')).toMatchObject({
      version: 1,
      parked: { position: 2, eventType: 'counter.added' },
    })
    expect(await give(old, 'note.write', 'n', { text: 'from the old one' })).toMatchObject({ ok: true, position: 4 })
    await old.call('close')
    await old.page.close()

    const again = await open('counter-new')
    expect(await rowsOf(again, 'counters', 4)).toEqual([{ id: 'x', n: 4 }])
    expect(await again.call('load', 'counter', ['x'])).toEqual([{ id: 'x', state: { n: 4 }, version: 3 }])
    expect(await give(again, 'counter.add', 'x', { by: 1 })).toMatchObject({ ok: true, position: 5 })
  })
})

describe('a log of a newer format', () => {
  const log = 'counters.main.ann.log'

  async function makeLog(): Promise<void> {
    const page = await open('counter-old')
    await give(page, 'counter.begin', 'x')
    await give(page, 'counter.add', 'x', { by: 8 })
    await rowsOf(page, 'counters', 2)
    await page.call('close')
    await page.page.close()
  }
  async function expectRefused(page: Page): Promise<void> {
    expect((await page.call('untilWorker', 'failed')).problem).toContain('newer')
    expect(await give(page, 'counter.add', 'x', { by: 1 })).toMatchObject({ fault: 'storage-newer' })
    expect(await page.call('load', 'counter', ['x'])).toMatchObject([{ fault: 'storage-newer' }])
  }

  test('is refused with storage-newer, and stays as it is', async () => {
    await makeLog()
    const helper = await openRemote<BuildsPage>(context, served.url)
    await helper.call('setFormat', log, 99)
    const [before, databases] = [await helper.call('dump', log), await helper.call('databases')]
    expect(before).toContain('counter.begun')
    await expectRefused(await open('counter-old'))
    expect(await helper.call('dump', log)).toBe(before)
    expect(await helper.call('databases')).toEqual(databases)
  })

  test('also where its database was upgraded, which an open old tab makes way for', async () => {
    await makeLog()
    const old = await open('counter-old')
    expect(await rowsOf(old, 'counters', 2)).toEqual([{ id: 'x', n: 8 }])
    const helper = await openRemote<BuildsPage>(context, served.url)
    await helper.call('upgrade', log)
    expect(await give(old, 'counter.add', 'x', { by: 1 })).toMatchObject({
      fault: expect.stringMatching(/^(closed|storage-newer)$/) as string,
    })
    const before = await helper.call('dump', log)
    await expectRefused(await open('counter-old'))
    expect(await helper.call('dump', log)).toBe(before)
  })
})
