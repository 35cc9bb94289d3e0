/** One life of a tab's worker: the real engine, the real sync, on simulated surroundings. */
import type { AnyDomain } from '../../domain/infer.ts'
import { createEngine } from '../../engine/create-engine.ts'
import type { Engine, Environment } from '../../engine/engine.ts'
import type { Storage } from '../../storage/storage.ts'
import { EngineLog } from '../../sync/engine-log.ts'
import type { SyncEnvironment } from '../../sync/environment.ts'
import { type RunningSync, startSync } from '../../sync/running-sync.ts'
import { createSession, type Session } from '../../worker/session.ts'
import type { Tabs, TabsListener } from '../../worker/tabs.ts'
import type { Channels } from './channels.ts'
import type { Locks } from './locks.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import { exclusive } from './servers.ts'

export interface WorkerOptions {
  readonly domain: AnyDomain
  readonly space: string
  readonly principal: string
  /** Begins the names of the device's databases, locks and channels. */
  readonly prefix: string
  readonly process: Process
  readonly storage: Storage
  readonly random: Random
  readonly locks: Locks
  readonly channels: Channels
  readonly fetch: SyncEnvironment['fetch']
  readonly onNetwork: SyncEnvironment['onNetwork']
  /** Hears of what nobody awaits. */
  readonly report: (thrown: unknown) => void
}

export interface Worker {
  readonly engine: Engine
  readonly log: EngineLog
  readonly sync: RunningSync
  readonly session: Session
}

export const syncUrl = 'https://sync.simulated'

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { domain, space, principal, prefix, process, storage, random, report } = options
  const { clock } = process
  const tabs = simulatedTabs(options)
  const environment: Environment = {
    now: clock.now,
    clock: clock.now,
    clockOrigin: 0,
    randomId: () => random.id(),
    random: () => random.next(),
    later: process.later,
    alone: async () => (await tabs.count()) === 1,
    exclusive: exclusive(options.locks, process),
    reopen: () => process.kill(),
  }
  const engine = await createEngine({ domain, storage, space, principal, environment })
  const log = new EngineLog(engine.inside, () => new Promise((resolve) => process.later(0, resolve)))
  const syncEnvironment: SyncEnvironment = {
    now: clock.now,
    random: () => random.next(),
    randomId: () => random.id(),
    later: process.later,
    fetch: options.fetch,
    gzip: undefined,
    lock: options.locks.of(process),
    channel: (name, heard) => options.channels.open(process, name, heard),
    onNetwork: options.onNetwork,
  }
  const sync = startSync(syncUrl, async () => principal, syncEnvironment, { log, space, prefix, askPage: async () => undefined, report })
  const session = createSession({ engine, tabs, sync }, () => undefined, report)
  return { engine, log, sync, session }
}

/** Hints between the tabs of a device, as the worker's own pass them. */
function simulatedTabs({ channels, process, prefix }: WorkerOptions): Tabs {
  let listener: TabsListener | undefined
  const channel = channels.open(process, `${prefix}.log`, (word) => {
    const { kind, record } = word as { kind: 'opened' | 'recorded'; record: number }
    if (kind === 'opened') channel.say({ kind: 'recorded', record: listener?.record() ?? 0 })
    listener?.recorded(record)
  })
  return {
    listen(given) {
      listener = given
      channel.say({ kind: 'opened', record: given.record() })
      given.counted(channels.count(`${prefix}.log`))
    },
    recorded: (record) => channel.say({ kind: 'recorded', record }),
    destroyed: () => undefined,
    count: async () => channels.count(`${prefix}.log`),
    resumed: () => undefined,
    close: async () => channel.close(),
  }
}
