/** One import of all orders: by the demo as it is built for users, and by hand. */
import { deepStrictEqual } from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Metrics } from '../../demo/src/measure/workloads.ts'
import { figuresOf, type Orders } from './orders.ts'
import type { Pages } from './pages.ts'
import { startProfiler } from './profile.ts'
import type { ProfileOptions } from './tasks-run.ts'
import { heapMB, threadsOf } from './threads.ts'
import { visit } from './visit.ts'

const importTimeoutMs = 600_000
/** Rows of the stock list's first page. */
const firstRows = 50

const figures = {
  ordersPlaced: 'orders-placed',
  ordersDeclined: 'orders-refused',
  unitsPicked: 'units-picked',
  stockItems: 'stock-items',
  openPurchaseOrders: 'open-purchase-orders',
  unitsOnHand: 'units-on-hand',
}

/** In the page: from the choice of a file to `import-done`, and the longest task meanwhile. */
function observeImports(): void {
  const seen = { startedAt: 0, isRunning: false, ms: 0, longestTaskMs: 0 }
  const find = (id: string): HTMLElement | null => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)
  addEventListener('change', () => Object.assign(seen, { startedAt: performance.now(), isRunning: false, ms: 0, longestTaskMs: 0 }), true)
  new MutationObserver(() => {
    if (seen.startedAt === 0 || seen.ms > 0) return
    if (find('import-progress')?.dataset['phase'] === 'running') seen.isRunning = true
    if (seen.isRunning && find('import-done')) seen.ms = performance.now() - seen.startedAt
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-phase'] })
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      if (seen.startedAt > 0 && startTime >= seen.startedAt && seen.ms === 0) seen.longestTaskMs = Math.max(seen.longestTaskMs, duration)
  }).observe({ type: 'longtask' })
  Object.assign(globalThis, { seen })
}

/** In the page: when so many rows of a table are there, ms since its navigation began. */
function observeRows(count: number): void {
  const seen = { ms: 0 }
  new MutationObserver(() => {
    if (seen.ms === 0 && document.querySelectorAll('tbody tr').length >= count) seen.ms = performance.now()
  }).observe(document, { childList: true, subtree: true })
  Object.assign(globalThis, { seen })
}

async function checkFigures(page: Page, orders: Orders): Promise<void> {
  const found: Record<string, number> = {}
  for (const [name, id] of Object.entries(figures)) {
    const text = await page.locator(`[data-testid="${id}"][data-value]`).getAttribute('data-value')
    found[name] = Number(text)
  }
  deepStrictEqual(found, figuresOf(orders))
}

async function importOnce(page: Page, orders: Orders): Promise<{ readonly ms: number; readonly longestTaskMs: number }> {
  await page.getByTestId('import-orders').setInputFiles(orders.path)
  await page.waitForFunction('seen.ms > 0', undefined, { timeout: importTimeoutMs, polling: 250 })
  return page.evaluate('({ ms: seen.ms, longestTaskMs: seen.longestTaskMs })')
}

/** Nothing tells that the worker has written everything behind: it is given time for it, before memory is looked at. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3000))

export function runDemoImport(pages: Pages, orders: Orders, profile?: ProfileOptions): Promise<Metrics> {
  return visit(async ({ page: open, context }) => {
    await context.addInitScript(observeImports)
    const { url } = await pages.demo()
    const page = await open(url)
    await page.locator('[data-testid="units-picked"][data-value]').waitFor()
    const threads = await threadsOf(page)
    await threads.worker
    const profiler = profile && (await startProfiler(threads))
    const first = await importOnce(page, orders)
    if (profiler && profile) profile.show(await profiler.stop(profile.folder, 'import.outpost'))
    await checkFigures(page, orders)
    await settle()
    const heap = await heapMB(threads)
    const again = await importOnce(page, orders)
    await checkFigures(page, orders)
    await settle()
    const heapAgain = await heapMB(threads)
    await page.reload()
    await checkFigures(page, orders)
    await page.close()

    const reopened = await context.newPage()
    await reopened.addInitScript(observeRows, firstRows)
    await reopened.goto(`${url}#/stock`)
    await reopened.waitForFunction('seen.ms > 0')
    const reopenMs = await reopened.evaluate<number>('seen.ms')
    return { ...first, againMs: again.ms, heapMB: heap, heapGrowthMB: heapAgain - heap, reopenMs }
  })
}

interface RawImport {
  readonly ms: number
  readonly totals: Readonly<Record<string, number>>
  readonly events: number
}

function checkTotals({ position: _, ...totals }: RawImport['totals'], orders: Orders): void {
  deepStrictEqual(totals, figuresOf(orders))
}

export function runRawImport(pages: Pages, orders: Orders, profile?: ProfileOptions): Promise<Metrics> {
  return visit(async ({ page: open }) => {
    const url = `${pages.url}raw-import/`
    const page = await open(url)
    await page.waitForFunction('globalThis.rawImport')
    const threads = await threadsOf(page)
    await threads.worker
    const profiler = profile && (await startProfiler(threads))
    const { ms, totals } = await page.evaluate<RawImport>('rawImport.run("orders.csv.gz")')
    if (profiler && profile) profile.show(await profiler.stop(profile.folder, 'import.worker'))
    checkTotals(totals, orders)
    await settle()
    const heap = await heapMB(threads)
    await page.close()

    const reopened = await open(url)
    await reopened.waitForFunction('globalThis.rawImport')
    const shown = await reopened.evaluate<RawImport & { readonly rows: number }>('rawImport.show()')
    checkTotals(shown.totals, orders)
    deepStrictEqual(shown.rows, firstRows)
    return { ms, heapMB: heap, reopenMs: shown.ms }
  })
}
