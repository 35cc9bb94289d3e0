/** A Read Model that is built anew beside the old one, killed half-way; and one that cannot go on. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import type { BuildsPage } from './pages/builds.ts'
import type { Build } from './pages/builds.worker.ts'
import { unluckyAmount } from './pages/ledger.ts'
import { launchChromium } from './support/chromium.ts'
import { prepareCrash } from './support/processes.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'

const bookingsMade = process.env['OUTPOST_LONG'] === '1' ? 100_000 : 20_000
const accounts = Array.from({ length: 10 }, (_, i) => `account-${i}`)

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
async function open(build: Build, recordsHeld = 0): Promise<Page> {
  const page = await openRemote<BuildsPage>(context, served.url)
  await page.call('start', build, recordsHeld)
  return page
}

async function book(page: Page, account: string, amounts: readonly number[]): Promise<number> {
  const outcome = await page.call('give', { type: 'account.book', aggregateId: account, payload: { amounts } })
  if (!('ok' in outcome && outcome.ok)) throw new Error(JSON.stringify(outcome))
  return outcome.position
}
const openAccounts = (page: Page) =>
  page.call(
    'batch',
    accounts.map((aggregateId) => ({ type: 'account.open', aggregateId, payload: {} })),
  )

/** What the Read Models must hold, from the Events alone. */
class Fold {
  readonly #bookings: { readonly position: number; readonly account: string; readonly amount: number }[] = []
  readonly #balances = new Map<string, number>()
  #position = 0

  /** Reads on to this position. */
  async readTo(position: number, page: Page): Promise<this> {
    for (const event of JSON.parse(await page.call('events', position, this.#position)) as readonly RecordedEvent[]) {
      expect(event.position).toBe(++this.#position)
      const { amount = 0 } = event.data as { readonly amount?: number }
      if (event.type === 'account.booked') this.#bookings.push({ position: event.position, account: event.aggregateId, amount })
      this.#balances.set(event.aggregateId, (this.#balances.get(event.aggregateId) ?? 0) + amount)
    }
    return this
  }
  /** @param factor of the build that makes the rows */
  bookings(factor: number) {
    return this.#bookings.map((row) => ({ ...row, amount: row.amount * factor }))
  }
  balances() {
    return [...this.#balances].map(([id, balance]) => ({ id, balance })).sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
const rowsOf = async (page: Page, model: string, position: number): Promise<unknown> => JSON.parse(await page.call('rows', model, position))

test('a rebuild killed half-way continues from its checkpoint; meanwhile Commands work and the old version answers', async () => {
  const writer = await open('ledger-1')
  await openAccounts(writer)
  for (let made = 0; made < bookingsMade; made += 200) {
    const amounts = Array.from({ length: 100 }, (_, i) => ((made + i) % 700) - 300)
    const [account, other] = [accounts[(made / 200) % 10] as string, accounts[(made / 200 + 3) % 10] as string]
    await writer.call(
      'batch',
      [account, other].map((aggregateId) => ({ type: 'account.book', aggregateId, payload: { amounts } })),
    )
  }
  let position = bookingsMade + accounts.length
  const fold = await new Fold().readTo(position, writer)
  expect(await rowsOf(writer, 'bookings', position)).toEqual(fold.bookings(1))
  const records = (await writer.call('records')).trimEnd().split('\n').length - 1
  await writer.call('close')
  await writer.page.close()

  const [old, first] = [await open('ledger-1'), await open('ledger-2', records)]
  const crash = await prepareCrash(first.page)
  const built = async (atLeast: number) => (await first.call('untilModel', 'bookings', 'rebuilding', { built: atLeast })).rebuild
  let halfWay = bookingsMade / 2
  // The status lags: it stands where the rebuild is held once it no longer moves.
  const step = async () => -halfWay + (halfWay = (await built(halfWay))?.position ?? 0)
  await expect.poll(step, { interval: 500, timeout: 30_000 }).toBe(0)
  expect(await built(halfWay)).toEqual({ position: halfWay, target: position, eventsRead: halfWay })
  expect(halfWay).toBeLessThan(position)

  // Meanwhile the new build shows the rows of the old one, and says so; Commands and the other Read Model go on.
  const shown = { data: fold.bookings(1).slice(0, 50), count: bookingsMade, position, stale: true }
  expect(await first.call('glance', 'bookings', 50)).toEqual(shown)
  expect(await book(first, 'account-0', [1])).toBe(++position)
  expect(await book(old, 'account-1', [2])).toBe(++position)
  await fold.readTo(position, old)
  expect(await rowsOf(first, 'balances', position)).toEqual(fold.balances())
  expect(await rowsOf(old, 'balances', position)).toEqual(fold.balances())
  expect(await rowsOf(old, 'bookings', position)).toEqual(fold.bookings(1))
  expect(await first.call('glance', 'bookings', 50)).toMatchObject({ data: shown.data, stale: true })
  expect(await first.call('untilModel', 'bookings', 'rebuilding', { built: halfWay })).toMatchObject({
    version: 2,
    rebuild: { position: halfWay },
  })
  await expect.poll(() => first.call('count', 'ledger.main.ann.read.bookings@2#1', 'rows')).toBe(halfWay - accounts.length)
  await crash()

  const second = await open('ledger-2')
  expect(await second.call('untilModel', 'bookings', 'live', { position })).toEqual({
    name: 'bookings',
    version: 2,
    state: 'live',
    position,
    lag: 0,
  })
  expect(await rowsOf(second, 'bookings', position)).toEqual(fold.bookings(100))
  // Both together have read each Event once.
  expect(await second.call('calls')).toBe(position - halfWay)

  // The old build goes on with its own rows.
  expect(await book(second, 'account-2', [3])).toBe(++position)
  await fold.readTo(position, second)
  expect(await rowsOf(old, 'bookings', position)).toEqual(fold.bookings(1))
  expect(await rowsOf(second, 'bookings', position)).toEqual(fold.bookings(100))
})

test('a Read Model that throws parks alone, and a mended build catches up by itself', async () => {
  const broken = await open('ledger-1-broken')
  await openAccounts(broken)
  const fine = await book(broken, 'account-0', [1, 2, 3])
  expect(await rowsOf(broken, 'bookings', fine)).toHaveLength(3)
  const unlucky = await book(broken, 'account-1', [4, unluckyAmount, 5])
  const parked = await broken.call('untilModel', 'bookings', 'parked')
  expect(parked.parked).toMatchObject({ position: unlucky - 1, eventType: 'account.booked', attempts: 1 })
  expect(parked.parked?.error).toContain(`no row for ${unluckyAmount}`)
  // Commands and the other Read Model go on; it answers with what it had, and says so.
  const later = await book(broken, 'account-2', [6, 7])
  expect(await rowsOf(broken, 'balances', later)).toEqual((await new Fold().readTo(later, broken)).balances())
  expect(await broken.call('glance', 'bookings', 50)).toMatchObject({ stale: true, position: unlucky - 2, count: 4 })
  await broken.call('retry', 'bookings')
  expect((await broken.call('untilModel', 'bookings', 'parked')).parked).toMatchObject({ position: unlucky - 1 })
  expect(await broken.call('untilModel', 'balances', 'live', { position: later })).toMatchObject({ lag: 0 })
  await broken.page.close()

  const mended = await open('ledger-1')
  const fold = await new Fold().readTo(later, mended)
  expect(await rowsOf(mended, 'balances', later)).toEqual(fold.balances())
  expect(await rowsOf(mended, 'bookings', later)).toEqual(fold.bookings(1))
  const live = await mended.call('untilModel', 'bookings', 'live', { position: later })
  expect(live).toEqual({ name: 'bookings', version: 1, state: 'live', position: later, lag: 0 })
})
