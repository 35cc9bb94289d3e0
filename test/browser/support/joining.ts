/** What the sync tests do with their devices: bring them to one start, and together again. */
import { expect, onTestFinished } from 'vitest'
import { type Ends, expectConverged } from './converged.ts'
import { readServerLog, type ServerLog } from './server-log.ts'
import type { SyncedDevice } from './synced-device.ts'
import { startSyncProxy, type SyncProxy } from './sync-proxy.ts'

export const items: readonly string[] = Array.from({ length: 8 }, (_, i) => `item-${i}`)

/** In front of a server, as far as the devices know the server itself. It ends with its test. */
export async function proxyTo(url?: string): Promise<SyncProxy> {
  const proxy = await startSyncProxy()
  proxy.target(url)
  onTestFinished(() => proxy.close())
  return proxy
}

/** Items in stock that all of them know, but too few for all of them. */
export async function stockUp(devices: readonly SyncedDevice[]): Promise<void> {
  const [first] = devices as [SyncedDevice]
  for (const item of items) {
    await first.give('stockItem.register', item, { name: item })
    await first.give('stockItem.receive', item, { quantity: 20 })
  }
  await first.page.call('untilSync', ['upToDate'], 0)
  for (const { page } of devices)
    await page.call(
      'untilSeen',
      'stockList',
      items.map((sku) => ({ sku, name: sku, onHand: 20 })),
    )
}

/** Until the server has processed all that the devices have. */
export async function untilPushed(devices: readonly Pick<SyncedDevice, 'page'>[]): Promise<void> {
  const pending = async (): Promise<readonly number[]> =>
    Promise.all(
      devices.map(async ({ page }) => {
        // Nobody here waits for a back-off to end.
        await page.call('sync', 'now')
        return (await page.call('syncStatus')).pending
      }),
    )
  await expect.poll(pending, { timeout: 60_000, interval: 250 }).toEqual(devices.map(() => 0))
}

/** A device, or another tab of one. */
type Device = Pick<SyncedDevice, 'page' | 'told' | 'principal'>

/** All is pushed, and all show the same. @param url of the server itself */
export async function expectJoined(devices: readonly Device[], url: string): Promise<{ log: ServerLog; ends: Ends }> {
  await untilPushed(devices)
  const log = await readServerLog(
    url,
    devices.map(({ principal }) => principal),
  )
  return { log, ends: await expectConverged(devices, log) }
}
