/** Page and worker in one realm: a host over a MessageChannel that can be killed, or made to hang, and whose mail is read. */
import type { Port } from '../../src/channel/port.ts'
import type { Calls, Envelope, FromPage } from '../../src/channel/protocol.ts'
import type { App } from '../../src/client/app.ts'
import { connect } from '../../src/client/connect.ts'
import type { ConnectOptions } from '../../src/client/connect-options.ts'
import type { WorkerEndpoint } from '../../src/client/worker-endpoint.ts'
import { hostEngine, type Host } from '../../src/worker/host.ts'
import type { PageSide } from '../../src/worker/host.ts'
import type { RunningSync } from '../../src/sync/running-sync.ts'
import { soleTab, type Tabs } from '../../src/worker/tabs.ts'
import type { stock } from '../fixtures/stock.ts'
import { type Decide, FakeEngine, FakeStorage } from './fake-engine.ts'

export interface Call {
  readonly name: keyof Calls
  readonly args: readonly unknown[]
}

export class FakeWorker {
  readonly engine: FakeEngine
  readonly calls: Call[] = []
  readonly messages: FromPage[] = []
  readonly endpoint: WorkerEndpoint
  readonly host: Host
  terminated = false
  readonly #port: MessagePort
  #die: () => void = () => undefined

  constructor(storage: FakeStorage, { decide = () => undefined, tabs = soleTab, opens = async () => undefined, sync }: RealmOptions) {
    this.engine = new FakeEngine(storage, (command, engine) =>
      this.terminated ? new Promise(() => undefined) : decide(command, engine, this),
    )
    const { port1, port2 } = new MessageChannel()
    this.#port = port2
    const died = new Promise<void>((resolve) => (this.#die = resolve))
    this.host = hostEngine(this.#tapped(port2), {
      open: async (_, page) => {
        await opens()
        return { engine: this.engine, tabs, sync: sync?.(page) }
      },
    })
    this.endpoint = { port: port1, died, terminate: () => this.hang() }
  }

  /** Everything stops, and the page is told. */
  kill(): void {
    this.hang()
    this.#die()
  }

  /** Everything stops, and nobody is told. */
  hang(): void {
    this.terminated = true
    this.#port.close()
  }

  callsOf(name: keyof Calls): readonly Call[] {
    return this.calls.filter((call) => call.name === name)
  }

  messagesOf<Kind extends FromPage['kind']>(kind: Kind): readonly Extract<FromPage, { kind: Kind }>[] {
    return this.messages.filter((message): message is Extract<FromPage, { kind: Kind }> => message.kind === kind)
  }

  #tapped(port: MessagePort): Port {
    port.addEventListener('message', ({ data }: MessageEvent<Partial<ComlinkCall & Envelope<FromPage>>>) => {
      const name = data.path?.[0]
      if (data.outpost) this.messages.push(data.outpost)
      if (name !== undefined) this.calls.push({ name, args: (data.argumentList ?? []).map(({ value }) => value) })
    })
    return port
  }
}

interface ComlinkCall {
  readonly path: readonly [keyof Calls]
  readonly argumentList: readonly { readonly value: unknown }[]
}

export interface RealmOptions {
  readonly decide?: (...args: [...Parameters<Decide>, worker: FakeWorker]) => ReturnType<Decide>
  readonly tabs?: Tabs
  /** Runs before the log is open. */
  readonly opens?: () => Promise<void>
  readonly sync?: (page: PageSide) => RunningSync
  readonly storage?: FakeStorage
  /** Changes each worker before it is asked anything. */
  readonly prepare?: (worker: FakeWorker) => void
  readonly connect?: Partial<Omit<ConnectOptions, 'worker' | 'endpoint'>>
}

export interface Realm {
  readonly app: App<typeof stock>
  readonly storage: FakeStorage
  readonly workers: readonly FakeWorker[]
  /** The latest one. */
  readonly worker: FakeWorker
  /** What was thrown in the worker and awaited by nobody. */
  readonly errors: readonly Error[]
}

export function startRealm(options: RealmOptions = {}): Realm {
  const { storage = new FakeStorage() } = options
  const workers: FakeWorker[] = []
  const errors: Error[] = []
  const app = connect<typeof stock>({
    onError: (error) => errors.push(error),
    ...options.connect,
    endpoint: () => {
      const worker = new FakeWorker(storage, options)
      workers.push(worker)
      options.prepare?.(worker)
      return worker.endpoint
    },
  })
  return {
    app,
    storage,
    workers,
    errors,
    get worker() {
      return workers.at(-1) as FakeWorker
    },
  }
}
