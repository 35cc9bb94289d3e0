import type { Calls } from '../channel/protocol.ts'
import type { Aggregates, App, AppSync, Batch, Commands, Inbox, Read } from './app.ts'
import type { ConnectOptions } from './connect-options.ts'
// Gzip finds more where these stand in this order than where they are sorted: 76 bytes of the client (`npm run size`).
import { createStatus } from './status.ts'
import { createQueries } from './queries.ts'
import { byName } from './by-name.ts'
import { createConnection } from './connection.ts'
import { exportLog, importLog } from './log-file.ts'
import { createCommands } from './commands.ts'
import { stream } from './streams.ts'
import { Observable } from 'rxjs'

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
  /** How many watch traces. */
  let tracing = 0
  const read = createQueries(works) as Read<D>
  /** A call whose first arguments are given already. */
  const call =
    (name: keyof Calls, ...first: readonly unknown[]) =>
    (...rest: readonly unknown[]) =>
      works.call(name, [...first, ...rest] as never) as Promise<never>
  const ask = (what: string) => call('sync', what)

  return {
    commands: createCommands(works, options, () => tracing) as Commands<D> & Batch<D>,
    read,
    aggregates: byName((aggregate) => ({
      load: call('load', aggregate),
      loadAt: call('loadAt', aggregate),
      history: call('history', aggregate),
    })) as unknown as Aggregates<D>,
    events$: ((of) => stream(works, 'events', of)) as App<D>['events$'],
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
    retry: call('retry'),
    rebuild: call('rebuild'),
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
