/** A device of the sync tests: a browser with a profile on disk of its own, and whoever sits at it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { onTestFinished } from 'vitest'
import type { Acknowledged } from '../pages/contend.ts'
import type { Opened, SyncedPage } from '../pages/synced.ts'
import { launchChromium } from './chromium.ts'
import { launchFreezable } from './freezable.ts'
import { prepareKill } from './processes.ts'
import { openRemote, type Remote } from './remote.ts'

export interface DeviceOptions extends Omit<Opened, 'build'> {
  /** Default: the stock book. */
  readonly build?: Opened['build']
  /** Whether its tabs can be frozen. */
  readonly freezable?: boolean
}

export class SyncedDevice {
  readonly #pageUrl: string
  readonly #opened: Opened
  readonly #profileDir: string
  readonly #launch: (profileDir: string) => Promise<BrowserContext>
  #context: BrowserContext | undefined
  #page: Remote<SyncedPage> | undefined
  /** All that its pages were told, in the order in which it was given. */
  readonly told: Acknowledged[] = []
  #runs = 0

  private constructor(pageUrl: string, opened: Opened, profileDir: string, launch: (profileDir: string) => Promise<BrowserContext>) {
    this.#launch = launch
    this.#pageUrl = pageUrl
    this.#opened = opened
    this.#profileDir = profileDir
    onTestFinished(async () => {
      await this.#context?.close()
      await rm(profileDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    })
  }

  /** It ends with its test. */
  static async open(pageUrl: string, { build = 'stock', freezable = false, ...who }: DeviceOptions): Promise<SyncedDevice> {
    const profileDir = await mkdtemp(join(tmpdir(), 'outpost-device-'))
    const launch = freezable ? launchFreezable : (dir: string) => launchChromium({ profileDir: dir })
    const device = new SyncedDevice(pageUrl, { ...who, build }, profileDir, launch)
    await device.start()
    return device
  }

  get page(): Remote<SyncedPage> {
    if (!this.#page) throw new Error(`${this.#opened.principal} has no page open.`)
    return this.#page
  }
  get principal(): string {
    return this.#opened.principal
  }

  async start(): Promise<void> {
    this.#context = await this.#launch(this.#profileDir)
    this.#page = await this.openTab()
  }
  /** One more on the same log; the device's own page stays the first. */
  async openTab(build = this.#opened.build): Promise<Remote<SyncedPage>> {
    if (!this.#context) throw new Error(`${this.principal} has no browser open.`)
    const page = await openRemote<SyncedPage>(this.#context, this.#pageUrl)
    await page.call('open', { ...this.#opened, build })
    await page.call('untilWorker', 'ready')
    return page
  }
  /** Another tab, which is the device's own from now on. */
  async openNext(): Promise<void> {
    this.#page = await this.openTab()
  }
  /** SIGKILL to the browser with all its processes. */
  async kill(): Promise<void> {
    if (!this.#context) throw new Error(`${this.principal} has no browser open.`)
    await prepareKill(this.#context, this.#profileDir)()
    this.#page = undefined
    this.#context = undefined
  }

  /** Gives so many Commands on these items, several at a time. */
  async contend(seed: number, items: readonly string[], commands: number, page = this.page): Promise<void> {
    const run = `${this.principal}-${++this.#runs}`
    this.told.push(...(JSON.parse(await page.call('contend', seed, run, items, commands)) as readonly Acknowledged[]))
  }
  /** Gives one Command. */
  async give(type: string, aggregateId: string, payload: object, page = this.page): Promise<void> {
    const commandId = `${this.principal}-${++this.#runs}`
    const command = { type, aggregateId, payload, commandId }
    const outcome = await page.call('give', command)
    if ('fault' in outcome) throw new Error(`${commandId}: ${outcome.message}`)
    this.told.push({ kind: 'acknowledged', command, outcome })
  }
}
