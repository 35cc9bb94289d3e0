/** A page that follows the Events of a device: the real client on a real engine, over the thread boundary in this thread. */
import { connect } from 'outpost/client'
import { expect } from 'vitest'
import type { EventNews, RecordedEvent, TentativeEvent } from '../../../src/domain/recorded-event.ts'
import { hostEngine } from '../../../src/worker/host.ts'
import { soleTab } from '../../../src/worker/tabs.ts'
import { turns } from '../../channel/turns.ts'
import { stock } from '../../fixtures/stock.ts'
import type { Device } from '../two-devices.ts'

/** What a subscriber makes of its stream: the log, as far as it was told. */
export class Fold {
  readonly confirmed: RecordedEvent[] = []
  /** By id: those that have not ended. */
  readonly tentative = new Map<string, TentativeEvent>()
  /** All that was told, in words. */
  readonly #news: string[] = []
  #failure: Error | undefined

  take(news: EventNews): void {
    this.#news.push(`${news.state} ${news.event.type} ${news.event.aggregateId}`)
    try {
      this.#fold(news)
    } catch (error) {
      this.#failure ??= error as Error
    }
  }

  #fold({ state, event }: EventNews): void {
    const before = this.tentative.get(event.id)
    if (state === 'tentative') {
      expect(before, 'nothing is told a second time before it has ended').toBeUndefined()
      expect(Object.keys(event), 'it has no places yet').not.toContain('position')
      this.tentative.set(event.id, event)
      return
    }
    this.tentative.delete(event.id)
    if (state === 'withdrawn') return expect(before, 'what is withdrawn was told').toEqual(event)
    if (before) {
      const { version: _, position: __, ...settled } = event
      expect(settled, 'what is confirmed is as it was told').toEqual(before)
    }
    expect(event.position).toBeGreaterThan(this.confirmed.at(-1)?.position ?? 0)
    this.confirmed.push(event)
  }

  /** What was told since this was last asked. @throws where any of it cannot be */
  told(): readonly string[] {
    if (this.#failure) throw this.#failure
    return this.#news.splice(0)
  }
}

/** A tab of a device: its worker can die, and another one is started. */
export class Tab {
  readonly app: ReturnType<typeof connect<typeof stock>>
  #device: Device | undefined
  #kill: () => void = () => undefined
  readonly #opened: Device[] = []

  /** @param open opens the log: once for each worker */
  constructor(open: () => Promise<Device>) {
    this.app = connect<typeof stock>({
      endpoint: () => {
        const { port1, port2 } = new MessageChannel()
        hostEngine(port2, {
          open: async () => {
            const device = await open()
            this.#opened.push(device)
            this.#device = device
            return { engine: device.engine, tabs: soleTab }
          },
        })
        const terminate = (): void => port2.close()
        return { port: port1, terminate, died: new Promise<void>((resolve) => (this.#kill = resolve)) }
      },
    })
  }

  static async open(open: () => Promise<Device>): Promise<Tab> {
    const tab = new Tab(open)
    await tab.app.aggregates.stockItem.load('-')
    return tab
  }

  get device(): Device {
    return this.#device as Device
  }

  /** Hears of everything from this position on, or from now on. */
  follow(after?: number): Fold {
    const fold = new Fold()
    this.app.events$({ ...(after !== undefined && { after }), tentative: true }).subscribe((news) => fold.take(news))
    return fold
  }

  /** Hears of confirmed Events alone. */
  confirmed(after?: number): RecordedEvent[] {
    const events: RecordedEvent[] = []
    this.app.events$(after === undefined ? {} : { after }).subscribe((event) => events.push(event))
    return events
  }

  /** The worker dies as it stands; resolves when the next one has the log open. */
  async replaceWorker(): Promise<void> {
    const { engine } = this.device
    this.#kill()
    await this.app.aggregates.stockItem.load('-')
    await engine.close()
  }

  async close(): Promise<void> {
    await this.app.close()
    for (const { engine } of this.#opened) await engine.close()
  }
}

/** Until nothing is on its way between engines and pages any more. */
export const quiet = (): Promise<void> => turns(40)
