import type { Aggregates, App, Batch, Commands, Moment, Read } from './app.ts'
import { byName } from './by-name.ts'
import { createCommands } from './commands.ts'
import { createConnection } from './connection.ts'
import { exportLog, importLog } from './log-file.ts'
import { createQueries } from './queries.ts'
import { createStatus } from './status.ts'
import { commandTraces, recordedEvents } from './streams.ts'
import { unsupported } from './support.ts'
import { endpointOf, type WorkerEndpoint } from './worker-endpoint.ts'

interface CommonOptions {
  /** The unit of storage and permission: a tenant, a team, a document. Default `default`. */
  readonly space?: string
  /** Who gives the Commands; recorded with each. */
  readonly actor?: string
  /** Whose log it is. Default: the actor, or `anonymous` where there is none. */
  readonly principal?: string
  /** Of Commands that do not say: `relaxed` (default) survives the death of tab and browser, `strict` a power loss too. */
  readonly durability?: 'relaxed' | 'strict'
  /** How long a call may go unanswered by a living worker; of Commands, counted from the last one answered. Default 30 s. */
  readonly deadlineMs?: number
  /**
   * How long the worker's thread may go without a pause while something is awaited from it; then it is replaced, and what
   * hung it fails with `decide-timeout`. Default 5 s; `Infinity` lets a debugger stop there.
   */
  readonly decideTimeoutMs?: number
  /** Hears of errors in the worker that nobody awaited. Default: the page's own reporting of uncaught errors. */
  readonly onError?: (error: Error) => void
}

export type ConnectOptions = CommonOptions &
  (
    | {
        /** Makes the app's worker; called again when one has to be replaced. */
        readonly worker: () => Worker
        readonly endpoint?: never
      }
    | {
        /** Instead of `worker`: a way to a host that is no Worker of this page, for tests and other runtimes. */
        readonly endpoint: () => WorkerEndpoint
        readonly worker?: never
      }
  )

/**
 * Connects the page to its app. Returns at once; the worker starts meanwhile, and calls wait for it.
 *
 * Harmless on a server: there every call fails with `unsupported`, and what is watched stays silent.
 *
 * @typeParam D `typeof` the domain, imported as a type
 * @example
 * const app = connect<typeof stockroom>({
 *   space: 'hall-7',
 *   actor: 'ann',
 *   worker: () => new Worker(new URL('./app.worker.ts', import.meta.url), { type: 'module' }),
 * })
 */
export function connect<D>(options: ConnectOptions): App<D> {
  const { space = 'default', actor, principal = actor ?? 'anonymous', deadlineMs = 30_000, decideTimeoutMs = 5000 } = options
  const { worker, endpoint, onError = report } = options
  const spawn = worker ? () => endpointOf(worker()) : endpoint
  const log = { space, principal }
  const connection = createConnection({ spawn, log, deadlineMs, decideTimeoutMs, onError, unsupported: worker && unsupported() })
  const { works } = connection
  let tracing = 0
  // Work of minutes: as long as the thread still pauses, it goes on.
  const longMs = 20 * deadlineMs

  return {
    commands: createCommands(works, { actor, durability: options.durability, isTracing: () => tracing > 0 }) as Commands<D> & Batch<D>,
    read: createQueries(works) as Read<D>,
    aggregates: byName((aggregate) => ({
      load: (id: string) => works.call('load', [aggregate, id]),
      loadAt: (id: string, moment: Moment) => works.call('loadAt', [aggregate, id, 'at' in moment ? { at: Number(moment.at) } : moment]),
      history: (id: string) => works.call('history', [aggregate, id]),
    })) as unknown as Aggregates<D>,
    events$: ({ after } = {}) => recordedEvents(works, after),
    trace$: commandTraces(works, (by) => (tracing += by)),
    status$: createStatus(connection),
    retry: (handler) => works.call('retry', [handler]),
    rebuild: (readModel) => works.call('rebuild', [readModel]),
    async persist() {
      const granted = (await globalThis.navigator?.storage?.persist?.()) ?? false
      connection.resumed()
      return granted
    },
    export: () => exportLog(connection),
    import: (file) => importLog(connection, file, longMs),
    destroy: () => connection.destroy(longMs),
    close: () => connection.close(),
  }
}

/** As if it had been thrown on the page. */
const report = (error: Error): void => {
  if (typeof reportError === 'function') reportError(error)
  // oxlint-disable-next-line eslint/no-console -- where nobody listens, this is the last place that is not silence
  else console.error(error)
}
