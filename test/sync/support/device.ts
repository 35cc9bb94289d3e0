/** Tabs of one device as sync sees them: timers, locks and channels on a virtual clock. A tab can be frozen, thawed and killed. */
import { Subject } from 'rxjs'
import type { Channel, SyncEnvironment } from '../../../src/sync/environment.ts'
import { type RunningSync, startSync } from '../../../src/sync/running-sync.ts'
import type { SyncState, SyncStatus } from '../../../src/sync/status.ts'
import type { SyncedLog } from '../../../src/sync/synced-log.ts'
import { createTestClock, type TestClock } from '../../support/clock.ts'
import { MemoryLog } from './memory-log.ts'
import { Network } from './network.ts'
import { SimulatedServer } from './simulated-server.ts'

interface Request {
  readonly tab: Tab
  readonly grant: () => void
  readonly steal: () => void
}

/** Web Locks of one name. */
class Lock {
  #held: Request | undefined
  readonly #queue: Request[] = []

  get holder(): Tab | undefined {
    return this.#held?.tab
  }

  ask(request: Request, steal: boolean): void {
    if (!steal) this.#queue.push(request)
    else {
      const before = this.#held
      this.#held = request
      before?.steal()
      request.grant()
    }
    this.#next()
  }

  drop(request: Request): void {
    const place = this.#queue.indexOf(request)
    if (place >= 0) this.#queue.splice(place, 1)
    if (this.#held === request) this.#held = undefined
    this.#next()
  }

  forget(tab: Tab): void {
    for (const request of [...this.#queue]) if (request.tab === tab) this.drop(request)
    if (this.#held?.tab === tab) this.drop(this.#held)
  }

  isWaiting(request: Request): boolean {
    return this.#queue.includes(request)
  }

  #next(): void {
    if (this.#held) return
    this.#held = this.#queue.shift()
    this.#held?.grant()
  }
}

export interface DeviceOptions {
  readonly clock?: TestClock
  readonly network?: Network
  readonly log?: MemoryLog
}

export class Device {
  readonly clock: TestClock
  readonly network: Network
  readonly log: MemoryLog
  readonly lock = new Lock()
  readonly tabs: Tab[] = []
  token: () => Promise<string> = async () => 'token-ann'

  constructor({
    clock = createTestClock(),
    network = new Network(new SimulatedServer(), clock),
    log = new MemoryLog(),
  }: DeviceOptions = {}) {
    this.clock = clock
    this.network = network
    this.log = log
  }

  get server(): SimulatedServer {
    return this.network.server
  }

  open(): Tab {
    const tab = new Tab(this)
    this.tabs.push(tab)
    return tab
  }

  /** The one that syncs. */
  get holder(): Tab | undefined {
    return this.lock.holder
  }

  async closeAll(): Promise<void> {
    for (const tab of this.tabs) if (!tab.isDead) await tab.close()
  }
}

let tabs = 0

export class Tab {
  readonly device: Device
  readonly name = `tab-${++tabs}`
  readonly sync: RunningSync
  readonly reported: unknown[] = []
  /** What the status was, as often as it became another one. */
  readonly states: SyncState['state'][] = []
  /** What is said to it does not arrive. */
  isDeaf = false
  hearsOnlyItself = false
  isDead = false
  readonly #channels = new Map<Channel, (word: unknown) => void>()
  readonly #own = new WeakSet<Channel>()
  #network: ((online: boolean) => void) | undefined
  #frozen: (() => void)[] | undefined
  #ids = 0

  constructor(device: Device) {
    this.device = device
    this.sync = startSync('https://server.example/sync/', () => device.token(), this.#environment(), {
      log: this.#log(),
      space: 'hall 7',
      prefix: 'stock.hall 7.ann',
      askPage: async () => undefined,
      report: (thrown) => this.reported.push(thrown),
    })
    this.sync.listen(() => {
      if (this.states.at(-1) !== this.status.state) this.states.push(this.status.state)
    })
  }

  get status(): SyncStatus {
    return this.sync.status
  }

  network(online: boolean): void {
    this.#network?.(online)
  }

  /** Nothing happens in it any more, until it is thawed; then all that came meanwhile. */
  freeze(): void {
    this.#frozen ??= []
  }

  thaw(): void {
    const missed = this.#frozen ?? []
    this.#frozen = undefined
    for (const run of missed) run()
  }

  kill(): void {
    this.freeze()
    this.isDead = true
    this.#frozen = []
    this.device.lock.forget(this)
  }

  async close(): Promise<void> {
    await this.sync.close()
    this.isDead = true
  }

  #deliver(run: () => void): void {
    if (this.#frozen) this.#frozen.push(run)
    else run()
  }

  /** What was asked for while the tab ran is answered when it runs. */
  #brought<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#deliver(() => resolve(value)),
        (thrown: unknown) => this.#deliver(() => reject(thrown instanceof Error ? thrown : new Error(String(thrown)))),
      )
    })
  }

  hear(from: Channel, word: unknown): void {
    if (this.isDead || this.isDeaf || (this.hearsOnlyItself && !this.#own.has(from))) return
    for (const [channel, heard] of this.#channels) if (channel !== from) this.#deliver(() => heard(word))
  }

  #log(): SyncedLog {
    const { log } = this.device
    const changed$ = new Subject<void>()
    log.changed$.subscribe(() => this.#deliver(() => changed$.next()))
    return {
      get state() {
        return log.state
      },
      changed$,
      meta: {
        get: (key) => this.#brought(log.meta.get(key)),
        update: (key, change) => this.#brought(log.meta.update(key, change)),
      },
      join: (cursor) => this.#brought(log.join(cursor)),
      pending: (after, limit) => this.#brought(log.pending(after, limit)),
      sending: (commands) => this.#brought(log.sending(commands)),
      apply: (before, records) => this.#brought(log.apply(before, structuredClone(records))),
    }
  }

  #environment(): SyncEnvironment {
    const { device } = this
    const { clock, lock } = device
    return {
      now: clock.now,
      random: () => 0.5,
      randomId: () => `${this.name}-${++this.#ids}`,
      later: (ms, run) => clock.later(ms, () => this.#deliver(run)),
      fetch: (url, init) => this.#brought(device.network.fetch(url, init)),
      gzip: undefined,
      lock: (_, { signal, steal = false }, held) =>
        new Promise<void>((resolve, reject) => {
          const end = (thrown: unknown): void => reject(thrown instanceof Error ? thrown : new Error(String(thrown)))
          const abort = (): void => this.#deliver(() => reject(new DOMException('Aborted.', 'AbortError')))
          const request: Request = {
            tab: this,
            grant: () =>
              this.#deliver(
                () =>
                  void held()
                    .then(resolve, end)
                    .finally(() => lock.drop(request)),
              ),
            steal: abort,
          }
          signal?.addEventListener('abort', () => {
            if (!lock.isWaiting(request)) return
            lock.drop(request)
            abort()
          })
          lock.ask(request, steal)
        }),
      channel: (_, heard) => {
        const channel: Channel = {
          say: (word) => {
            // As `BroadcastChannel`: everybody but the one that says it, and what crosses is a copy.
            const copy: unknown = structuredClone(word)
            queueMicrotask(() => device.tabs.forEach((tab) => tab.hear(channel, copy)))
          },
          close: () => void this.#channels.delete(channel),
        }
        this.#channels.set(channel, heard)
        this.#own.add(channel)
        return channel
      },
      onNetwork: (changed) => {
        this.#network = (online) => this.#deliver(() => changed(online))
        return () => (this.#network = undefined)
      },
    }
  }
}
