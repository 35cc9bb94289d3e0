/** Stockroom and the 10,000 real orders, in a real browser: exactly the figures that are expected, kept, and never counted twice. */
import { expect, test } from 'vitest'
import { launchChromium } from '../browser/support/chromium.ts'
import { figuresOn, importFile, serveDemo } from '../demo/demo-page.ts'
import { readRealFigures, realFilePath } from '../demo/order-file.ts'

test.skipIf(realFilePath === undefined)(
  'the real orders come to the expected figures, also after a reload and a second import',
  async () => {
    const real = readRealFigures()
    const expected = {
      ordersPlaced: real.placed,
      ordersDeclined: real.refused,
      unitsPicked: real.unitsPicked,
      stockItems: real.stockItems,
      openPurchaseOrders: real.openPurchaseOrders,
      unitsOnHand: real.unitsOnHand,
    }
    const demo = await serveDemo()
    const chromium = await launchChromium()
    try {
      chromium.setDefaultTimeout(600_000)
      const page = await chromium.newPage()
      await page.goto(demo.url)
      await importFile(page, realFilePath as string, 600_000)
      expect(await figuresOn(page)).toEqual(expected)
      await page.reload()
      await page.getByTestId('import-done').waitFor()
      expect(await figuresOn(page)).toEqual(expected)
      await importFile(page, realFilePath as string, 600_000)
      expect(await figuresOn(page)).toEqual(expected)
    } finally {
      await chromium.close()
      await demo.close()
    }
  },
)
