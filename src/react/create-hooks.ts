import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  use,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import type { Observable } from 'rxjs'
import type { App, Commands, LiveQuery, Read, SettledOutcome } from '../client/app.ts'
import { canonical } from '../internal/canonical.ts'
import { initialStatus } from '../client/status.ts'
import type { Status } from '../engine/status.ts'
import { OutpostError } from '../errors.ts'
import type { SyncStatus } from '../sync/status.ts'
import { type QueryResult, queryStore, serverResult } from './query-store.ts'
import { Store } from './store.ts'
import { suspendedQuery } from './suspended-query.ts'

/** A query, or what makes one of `app.read`; none where there is nothing to ask yet. */
export type QuerySource<D, T> = LiveQuery<T> | ((read: Read<D>) => LiveQuery<T> | undefined) | undefined

export interface CommandState<O> {
  /** True while any Command given here is not answered. */
  readonly pending: boolean
  /** Of the Command given last, once it is answered: accepted or refused. */
  readonly outcome: O | undefined
  /** The same, where it was refused. */
  readonly refusal: Extract<O, { readonly ok: false }> | undefined
  /** What kept the Command given last from an outcome. */
  readonly error: Error | undefined
  /** Forgets outcome, refusal and error. */
  readonly reset: () => void
}

export interface Hooks<D> {
  /** Gives the app to all components inside. It does not close the app. */
  readonly OutpostProvider: (props: { readonly app: App<D>; readonly children?: ReactNode }) => ReactElement
  readonly useApp: () => App<D>
  /**
   * A query's result, kept up to date, with at most one render a display frame. Equal descriptions are one query: it may
   * be written anew at every render.
   *
   * @example
   * const { data, loading } = useQuery((read) => read.stockList.where({ onHand: 0 }).orderBy('name').limit(50))
   */
  readonly useQuery: <T>(query: QuerySource<D, T>) => QueryResult<T>
  /**
   * As `useQuery`, but suspends until there is a result, and throws the error to the nearest boundary; where that tries again,
   * it is asked anew. A server renders the fallback of the Suspense boundary around it.
   */
  readonly useSuspenseQuery: <T>(query: LiveQuery<T> | ((read: Read<D>) => LiveQuery<T>)) => { readonly data: T; readonly stale: boolean }
  /**
   * One Command, and what became of it. What is returned first gives it; it never rejects, a fault is its result.
   *
   * @example
   * const [pick, { pending, refusal }] = useCommand((commands) => commands.stockItem.pick)
   */
  readonly useCommand: <Args extends readonly unknown[], O>(
    select: (commands: Commands<D>) => (...args: Args) => Promise<O>,
  ) => readonly [(...args: Args) => Promise<SettledOutcome<O>>, CommandState<O>]
  readonly useStatus: () => Status
  /**
   * How the app stands with its server: `connecting` until the worker has told, `off` where it was started without sync. Of a
   * worker that failed it stays what it was told last: `useStatus` says why.
   */
  readonly useSync: () => SyncStatus
}

/**
 * The hooks of one app. Typed by its domain, they need no type arguments anywhere else.
 *
 * @example
 * // outpost.ts
 * export const { OutpostProvider, useApp, useCommand, useQuery, useStatus } = createHooks<typeof stockroom>()
 */
export function createHooks<D>(): Hooks<D> {
  const Context = createContext<App<D> | undefined>(undefined)

  const useApp = (): App<D> => {
    const app = useContext(Context)
    if (!app)
      throw new OutpostError(
        'unsupported',
        'There is no OutpostProvider around this component. Put one, made by the same createHooks, around it.',
      )
    return app
  }

  const useQuery = <T>(source: QuerySource<D, T>): QueryResult<T> => {
    const app = useApp()
    const query = queryOf(app, source)
    const key = query && canonical(query.description)
    // oxlint-disable-next-line react/exhaustive-deps -- of equal queries the first serves for all
    const store = useMemo(() => queryStore(query), [app, key])
    const result = useSyncExternalStore(store.subscribe, store.get, serverResult)
    // Of this app alone: another one may be another person's.
    const last = useRef({ app, result })
    useEffect(() => {
      if (!result.loading) last.current = { app, result }
    })
    const data = last.current.app === app ? last.current.result.data : undefined
    return result.loading && data !== undefined ? { ...result, data, stale: true } : result
  }

  const useSuspenseQuery = <T>(source: LiveQuery<T> | ((read: Read<D>) => LiveQuery<T>)): { data: T; stale: boolean } => {
    const app = useApp()
    const query = suspendedQuery(app, queryOf(app, source) as LiveQuery<T>)
    const { data, stale, loading, error } = useSyncExternalStore(query.subscribe, query.get, serverResult)
    if (loading) use(query.settled)
    if (error) {
      query.thrown()
      throw error
    }
    return { data: data as T, stale }
  }

  const useCommand = <Args extends readonly unknown[], O>(
    select: (commands: Commands<D>) => (...args: Args) => Promise<O>,
  ): readonly [(...args: Args) => Promise<SettledOutcome<O>>, CommandState<O>] => {
    const command = select(useApp().commands)
    const [running, setRunning] = useState(0)
    const [settled, setSettled] = useState<SettledOutcome<O>>()
    const latest = useRef(0)

    const reset = useCallback(() => {
      latest.current++
      setSettled(undefined)
    }, [])
    const run = useCallback(
      async (...args: Args): Promise<SettledOutcome<O>> => {
        const turn = ++latest.current
        setSettled(undefined)
        setRunning((count) => count + 1)
        let outcome: SettledOutcome<O>
        try {
          outcome = await command(...args)
        } catch (fault) {
          outcome = { ok: false, fault: fault as Error }
        }
        setRunning((count) => count - 1)
        // A later one has taken its place.
        if (turn === latest.current) setSettled(outcome)
        return outcome
      },
      [command],
    )
    const error = settled && isFault(settled) ? settled.fault : undefined
    const outcome = error ? undefined : (settled as O | undefined)
    return [run, { pending: running > 0, outcome, refusal: isRefusal(outcome) ? outcome : undefined, error, reset }]
  }

  const useLatest = <T>(values$: Observable<T>, initial: T): T => {
    const store = useMemo(
      // Why the worker failed is in its status. Unheard, rxjs would throw it past React; thrown on, it would take the page away.
      () => new Store<T>(initial, (set) => values$.subscribe({ next: set, error: () => undefined })),
      [values$, initial],
    )
    return useSyncExternalStore(store.subscribe, store.get, () => initial)
  }

  return {
    OutpostProvider: ({ app, children }) => createElement(Context, { value: app }, children),
    useApp,
    useQuery,
    useSuspenseQuery,
    useCommand,
    useStatus: () => useLatest(useApp().status$, initialStatus),
    useSync: () => useLatest(useApp().sync.status$, initialSync),
  }
}

const initialSync: SyncStatus = { state: 'connecting', pending: 0, here: false }

/** Queries may be functions themselves: what can be watched is one. */
const queryOf = <D, T>(app: App<D>, source: QuerySource<D, T>): LiveQuery<T> | undefined =>
  typeof source === 'function' && !('watch' in source) ? source(app.read) : (source as LiveQuery<T> | undefined)

const isFault = (settled: unknown): settled is { readonly ok: false; readonly fault: Error } =>
  typeof settled === 'object' && settled !== null && 'fault' in settled

const isRefusal = <O>(outcome: O | undefined): outcome is Extract<O, { readonly ok: false }> =>
  typeof outcome === 'object' && outcome !== null && (outcome as { ok?: unknown }).ok === false
