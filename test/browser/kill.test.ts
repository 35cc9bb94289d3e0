/**
 * A worker, a renderer and a whole browser that die in the middle of their work, on a profile on disk. What was acknowledged
 * was told to the test's server by the page, after its promise had resolved; all of it must be found again.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Acknowledged } from './pages/contend.ts'
import type { Report, StockPage } from './pages/stock.ts'
import { makeOrders, openingStock } from './pages/order-file.ts'
import { launchChromium } from './support/chromium.ts'
import { prepareCrash, prepareKill } from './support/processes.ts'
import { createRandom, type Random } from './support/random.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { collectReports, type Reports } from './support/reports.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import { expectAcknowledged, expectShown, readLog } from './support/stock-log.ts'

const isLong = process.env['OUTPOST_LONG'] === '1'
const seed = Number(process.env['OUTPOST_SEED'] ?? 1)

type Death = 'worker' | 'renderer' | 'browser'

let served: Served
let reports: Reports<Report>
beforeAll(async () => {
  served = await buildAndServe({
    entry: new URL('./pages/stock.ts', import.meta.url),
    respond: (request, response) => reports.respond(request, response),
  })
})
afterAll(() => served.close())

/** One page in one browser on a profile, and what is left of it after each death. It ends with its test. */
class Stage {
  readonly #profileDir: string
  #context: BrowserContext | undefined
  #page: Remote<StockPage> | undefined
  #deaths: Readonly<Record<Death, () => Promise<void>>> | undefined

  private constructor(profileDir: string) {
    this.#profileDir = profileDir
    onTestFinished(async () => {
      await this.#context?.close()
      await rm(profileDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    })
  }

  static async make(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), 'outpost-killed-')))
  }

  get page(): Remote<StockPage> {
    if (!this.#page) throw new Error('No page is open.')
    return this.#page
  }

  /** @param disk `slow` makes the time long in which a Command is decided and written, but not durable */
  async open(disk: 'slow' | 'fast' = 'fast'): Promise<void> {
    this.#context ??= await launchChromium({ profileDir: this.#profileDir })
    const page = await openRemote<StockPage>(this.#context, served.url)
    await page.call('connect', { space: 'hall-7', actor: 'ann' }, disk)
    this.#page = page
    this.#deaths = {
      worker: () => page.call('terminateWorker'),
      renderer: await prepareCrash(page.page),
      browser: prepareKill(this.#context, this.#profileDir),
    }
  }

  /** After a worker's death its page goes on; after the others another one has to be opened. */
  async die(death: Death): Promise<void> {
    await this.#deaths?.[death]()
    if (death !== 'worker') this.#page = undefined
    if (death === 'browser') this.#context = undefined
  }

  /** Closes the page, if there is one. */
  async leave(): Promise<void> {
    await this.#page?.page.close()
    this.#page = undefined
  }
}

/** At a moment that the page cannot know: after so many more reports, and a little. */
async function waitForAMoment(random: Random, atLeast: number, atMost: number): Promise<void> {
  const enough = reports.received.length + random.int(atLeast, atMost)
  await reports.until((received) => received.length >= enough)
  await delay(random.int(0, 12))
}

const faults = () => reports.received.filter(({ kind }) => kind === 'fault')
const acknowledged = () => reports.received.filter((report): report is Acknowledged => report.kind === 'acknowledged')

describe('acknowledged Commands survive the death of', () => {
  test.each<{ name: string; deaths: readonly Death[] }>([
    {
      name: 'the worker, whose page goes on without noticing',
      deaths: [...Array.from({ length: 12 }, () => 'worker' as const), 'renderer'],
    },
    { name: 'the renderer', deaths: ['renderer', 'renderer', 'renderer'] },
    { name: 'the browser with all its processes', deaths: ['browser', 'browser', 'browser'] },
    { name: 'one after another', deaths: ['worker', 'browser', 'worker', 'renderer', 'worker', 'worker', 'browser'] },
  ])('$name', { timeout: isLong ? 1_200_000 : 120_000 }, async ({ deaths }) => {
    reports = collectReports()
    const random = createRandom(seed)
    const stage = await Stage.make()
    const rounds = isLong ? Array.from({ length: 10 }, () => deaths).flat() : deaths
    let isWorking = false
    for (const [round, death] of rounds.entries()) {
      if (!isWorking) {
        await stage.open(round % 3 === 2 ? 'fast' : 'slow')
        void stage.page.call('work', seed + round, `run-${round}`)
      }
      await waitForAMoment(random, 10, death === 'worker' ? 60 : 200)
      await stage.die(death)
      isWorking = death === 'worker'
      if (isWorking) continue
      await stage.open()
      const log = await readLog(stage.page)
      expectAcknowledged(acknowledged(), log)
      await expectShown(stage.page, log)
      await expectSameAnswers(stage.page, random, log.events.length)
      await stage.leave()
    }
    expect(faults()).toEqual([])
  })
})

/** Given again under the same id, a Command gets the outcome that it had, and nothing is added. */
async function expectSameAnswers(page: Remote<StockPage>, random: Random, position: number): Promise<void> {
  const all = acknowledged()
  for (let n = 0; n < 20; n++) {
    const { command, outcome } = random.pick(all)
    expect(await page.call('give', { ...command, commandId: outcome.commandId })).toEqual(outcome)
  }
  expect((await readLog(page)).events).toHaveLength(position)
}

describe('an import with ids that follow from its content', () => {
  const count = isLong ? 10_000 : 2_000

  test(
    'killed again and again and run again from its start comes to what an undisturbed one comes to',
    { timeout: isLong ? 1_200_000 : 120_000 },
    async () => {
      reports = collectReports()
      const undisturbed = await Stage.make()
      await undisturbed.open()
      const outcomes = JSON.parse(await undisturbed.page.call('importOrders', seed, count)) as readonly string[]
      const expected = await readLog(undisturbed.page)
      const shown = await expectShown(undisturbed.page, expected)
      await undisturbed.leave()

      const { placed, declined, opened } = foldOrders(seed, count)
      expect([placed, declined, opened].every((figure) => figure > 0)).toBe(true)
      expect(outcomes.filter((type) => type === 'order.placed')).toHaveLength(placed)
      expect(outcomes.filter((type) => type === 'order.declined')).toHaveLength(declined)
      expect(shown.rows['purchaseOrderList']).toHaveLength(opened)

      const random = createRandom(seed)
      const stage = await Stage.make()
      const deaths = ['browser', 'renderer', 'browser', 'worker', 'renderer', 'worker'] as const
      let interrupted = 0
      for (const [round, death] of deaths.entries()) {
        await stage.open(round % 2 === 0 ? 'slow' : 'fast')
        // Each run comes further than the one before: so far its Commands are only looked up.
        const orders = Math.floor((count * 0.6 * (round + random.int(1, 99) / 100)) / deaths.length)
        const run = stage.page.call('importOrders', seed, count).catch((error: unknown) => error)
        const before = reports.received.length
        await reports.until((received) => received.slice(before).some((report) => report.kind === 'imported' && report.orders >= orders))
        await stage.die(death)
        const result = await run
        if (result instanceof Error) interrupted++
        else expect(JSON.parse(result as string)).toEqual(outcomes)
        await stage.leave()
      }
      expect(interrupted).toBeGreaterThan(0)
      await stage.open()
      expect(JSON.parse(await stage.page.call('importOrders', seed, count))).toEqual(outcomes)
      const log = await readLog(stage.page)
      const told = ({ id, type, aggregateId, version, position, data }: (typeof log.events)[number]) => ({
        id,
        type,
        aggregateId,
        version,
        position,
        data,
      })
      expect(log.events.map(told)).toEqual(expected.events.map(told))
      await expectShown(stage.page, log)
      expect(faults()).toEqual([])
    },
  )
})

/** From the orders alone, without any Event. */
function foldOrders(of: number, count: number): { placed: number; declined: number; opened: number } {
  const stock = new Map<string, number>()
  const reordered = new Set<string>()
  let placed = 0
  let declined = 0
  for (const order of makeOrders(of, count)) {
    const has = ({ code, quantity }: (typeof order)[number]) => (stock.get(code) ?? openingStock) >= quantity
    if (!order.every(has)) {
      declined++
      continue
    }
    placed++
    for (const { code, quantity } of order) {
      stock.set(code, (stock.get(code) ?? openingStock) - quantity)
      if ((stock.get(code) ?? 0) < 5) reordered.add(code)
    }
  }
  return { placed, declined, opened: reordered.size }
}
