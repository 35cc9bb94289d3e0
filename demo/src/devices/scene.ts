/** Sets the stage: both devices joined, both inboxes empty, and of one item just three left. */
import type { Device } from './device.ts'

export const lastOnes = 'LAMP'

const shelf = [
  { sku: lastOnes, name: 'Desk lamp', onHand: 3 },
  { sku: 'KETTLE', name: 'Kettle, 1.7 l', onHand: 12 },
  { sku: 'ROPE', name: 'Rope, 20 m', onHand: 30 },
] as const

export const shelfCodes = shelf.map(({ sku }) => sku)

/** As much as a slow network needs. */
const patienceMs = 20_000

interface Watchable<T> {
  subscribe(observer: { next: (value: T) => void; error: (error: unknown) => void }): { unsubscribe(): void }
}

/** @throws with this sentence, where it does not come in time */
function until<T>(stream: Watchable<T>, isThere: (value: T) => boolean, sentence: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => end(() => reject(new Error(sentence))), patienceMs)
    const subscription = stream.subscribe({
      next: (value) => isThere(value) && end(resolve),
      error: (error) => end(() => reject(error instanceof Error ? error : new Error(String(error)))),
    })
    function end(settle: () => void): void {
      clearTimeout(late)
      // The first value may come before there is anything to unsubscribe.
      queueMicrotask(() => subscription.unsubscribe())
      settle()
    }
  })
}

export async function prepareScene(devices: readonly [Device, Device]): Promise<void> {
  const [left, right] = devices
  for (const { app, cable } of devices) {
    cable.join()
    await app.sync.resume()
    await app.sync.now()
  }
  for (const { name, app } of devices) {
    await until(
      app.sync.status$,
      ({ state }: { state: string }) => state === 'upToDate',
      `${name} has no way to the server. Is it running?`,
    )
    for (const { commandId } of await app.inbox) await app.inbox.discard(commandId)
  }
  await left.app.commands.batch(({ stockItem }) =>
    shelf.flatMap(({ sku, name, onHand }) => [
      stockItem.register(sku, { name, openingStock: onHand, reorderPoint: 0 }),
      stockItem.count(sku, { onHand }),
    ]),
  )
  for (const { sku, onHand } of shelf) {
    const isThere = (row: { readonly onHand: number } | undefined): boolean => row?.onHand === onHand
    await until(right.app.read.stockList.get(sku).watch(), isThere, 'Right has not heard of it. Is the server running?')
  }
}
