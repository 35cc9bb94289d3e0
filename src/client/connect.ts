import { Observable } from 'rxjs'
import type { Aggregates, App, AppSync, Batch, Commands, Inbox, Moment, Read } from './app.ts'
import { byName } from './by-name.ts'
import { createCommands } from './commands.ts'
import type { ConnectOptions } from './connect-options.ts'
import { createConnection } from './connection.ts'
import { exportLog, importLog } from './log-file.ts'
import { createQueries } from './queries.ts'
import { createStatus } from './status.ts'
import { stream } from './streams.ts'

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
  const connection = createConnection(options)
  const { works } = connection
  /** How many watch traces: only then is time taken. */
  let tracing = 0
  const read = createQueries(works) as Read<D>
  const ask =
    (what: string) =>
    (...args: readonly unknown[]) =>
      works.call('sync', [what, ...args]) as Promise<never>

  return {
    commands: createCommands(works, options, () => tracing > 0) as Commands<D> & Batch<D>,
    read,
    aggregates: byName((aggregate) => ({
      load: (id: string) => works.call('load', [aggregate, id]),
      loadAt: (id: string, moment: Moment) => works.call('loadAt', [aggregate, id, moment]),
      history: (id: string) => works.call('history', [aggregate, id]),
    })) as unknown as Aggregates<D>,
    events$: ({ after } = {}) => stream(works, 'events', after === undefined ? after : { position: after }),
    trace$: new Observable((subscriber) => {
      tracing++
      subscriber.add(() => tracing--)
      return stream(works, 'traces').subscribe(subscriber)
    }),
    status$: createStatus(connection),
    sync: Object.assign(byName(ask), { status$: stream(works, 'sync') }) as unknown as AppSync,
    inbox: Object.assign((read as { $inbox: object }).$inbox, {
      retry: ask('retry'),
      resend: ask('resend'),
      discard: ask('discard'),
    }) as unknown as Inbox,
    retry: (handler) => works.call('retry', [handler]),
    rebuild: (readModel) => works.call('rebuild', [readModel]),
    async persist() {
      const granted = await globalThis.navigator?.storage?.persist?.()
      connection.resumed()
      return granted ?? false
    },
    export: () => exportLog(connection),
    import: (file) => importLog(connection, file),
    destroy: () => connection.destroy(),
    close: () => connection.close(),
  }
}
