/** The demo as users get it, in a real Chromium. */
import type { Page } from 'playwright-core'
import { serve, type Served } from '../browser/support/serve.ts'
import { buildDemo } from '../support/build.mjs'
import type { Expected } from './independent-fold.ts'

export const serveDemo = (): Promise<Served> => serve(buildDemo())

export type Figures = Omit<Expected, 'malformedLines' | 'onHand'>

const testIds: Readonly<Record<keyof Figures, string>> = {
  ordersPlaced: 'orders-placed',
  ordersDeclined: 'orders-refused',
  unitsPicked: 'units-picked',
  stockItems: 'stock-items',
  openPurchaseOrders: 'open-purchase-orders',
  unitsOnHand: 'units-on-hand',
}

/** The figures of the start page, once it has any. */
export async function figuresOn(page: Page): Promise<Figures> {
  const entries = Object.entries(testIds).map(async ([name, testId]) => {
    const figure = page.locator(`[data-testid="${testId}"][data-value]`)
    return [name, Number(await figure.getAttribute('data-value'))] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as unknown as Figures
}

export const figuresOf = ({ malformedLines: _, onHand: __, ...figures }: Expected): Figures => figures

export const fileOf = (text: string, name = 'orders.csv') => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })

/** Chooses a file and waits until it is imported and every list has caught up. */
export async function importFile(page: Page, file: string | ReturnType<typeof fileOf>, timeout = 240_000): Promise<void> {
  await page.getByTestId('import-orders').setInputFiles(file)
  await page.getByTestId('import-done').waitFor({ timeout })
}

/** Waits until so many orders are done, and the import still runs. */
export const importReaches = async (page: Page, orders: number): Promise<void> => {
  await page.waitForFunction(
    (least) => Number(document.querySelector<HTMLElement>('[data-testid="import-progress"]')?.dataset['value']) >= least,
    orders,
    { timeout: 120_000 },
  )
}
