/** The app's handle by remote control: what every page of these tests offers to its test. */
import { type App, connect, type ConnectOptions, isOutpostError, type ReadModelStatus, type Status, type SyncStatus } from 'outpost/client'
import { filter, firstValueFrom, type Observable, ReplaySubject, takeWhile, toArray } from 'rxjs'
import type { Outcome } from '../../../src/domain/infer.ts'
import type { Snapshot } from '../../../src/domain/query.ts'

export interface Given {
  /** `aggregate.command` or `service.useCase` */
  readonly type: string
  /** Absent for use cases. */
  readonly aggregateId?: string
  readonly payload: unknown
  readonly commandId?: string
}

/** What became of a Command; a fault as data. */
export type Answer = Outcome | Fault
export interface Fault {
  readonly fault: string
  readonly message: string
}
export const isFault = (answer: object): answer is Fault => 'fault' in answer

/** An app whose declarations are known by name only. */
interface Dynamic {
  readonly commands: Readonly<Record<string, Readonly<Record<string, (...args: readonly unknown[]) => Promise<Outcome>>>>> & {
    batch(make: (commands: Values) => readonly object[]): Promise<readonly (Outcome | { readonly fault: Error })[]>
  }
  readonly read: Readonly<Record<string, Table>>
  readonly aggregates: Readonly<Record<string, { load(id: string): Promise<{ readonly state: unknown; readonly version: number }> }>>
}
type Values = Readonly<Record<string, Readonly<Record<string, (...args: readonly unknown[]) => object>>>>
interface Table {
  limit(rows: number): Table
  count(): PromiseLike<number>
  snapshot(): Promise<Snapshot<readonly object[]>>
  snapshots(): Observable<Snapshot<readonly object[]>>
}

export function control(spawn: (build: string) => Worker) {
  let worker: Worker | undefined
  let app: App<unknown> | undefined
  const watched = new Map<string, ReplaySubject<Snapshot<readonly object[]>>>()

  const handle = (): App<unknown> => {
    if (!app) throw new Error('The page is not connected.')
    return app
  }
  const dynamic = (): Dynamic => handle() as unknown as Dynamic
  const table = (model: string): Table => dynamic().read[model] as Table
  const statusWhere = (holds: (status: Status) => boolean): Promise<Status> => firstValueFrom(handle().status$.pipe(filter(holds)))

  return {
    /** @param build which worker, where the page has several */
    connect(options: Omit<ConnectOptions & { worker: never }, 'worker' | 'endpoint'>, build = '') {
      app = connect({ ...options, worker: () => (worker = spawn(build)) })
    },
    /** Kills the worker as a browser does: in the middle of whatever it does. */
    terminateWorker: () => worker?.terminate(),

    give: async ({ type, aggregateId, payload, commandId }: Given): Promise<Answer> => {
      const [owner = '', name = ''] = type.split('.')
      const target = aggregateId === undefined ? [] : [aggregateId]
      const options = commandId === undefined ? [] : [{ commandId }]
      try {
        const give = dynamic().commands[owner]?.[name] as (...args: readonly unknown[]) => Promise<Outcome>
        return await give(...target, payload, ...options)
      } catch (error) {
        return faultOf(error)
      }
    },
    /** Many in one crossing. */
    async batch(given: readonly Given[]): Promise<readonly Answer[]> {
      const outcomes = await dynamic().commands.batch((values) =>
        given.map(({ type, aggregateId, payload, commandId }) => {
          const [owner = '', name = ''] = type.split('.')
          const target = aggregateId === undefined ? [] : [aggregateId]
          const options = commandId === undefined ? [] : [{ commandId }]
          return values[owner]?.[name]?.(...target, payload, ...options) as object
        }),
      )
      return outcomes.map((outcome) => ('fault' in outcome ? faultOf(outcome.fault) : outcome))
    },

    /** The whole log as its export, a line a record. */
    records: (): Promise<string> => new Response(handle().export()).text(),
    /** All Events up to this position, or those of them after another one, as JSON: large values cross faster so. */
    events: async (position: number, after = 0): Promise<string> => {
      if (position === after) return '[]'
      const upTo = handle()
        .events$({ after })
        .pipe(
          takeWhile((event) => event.position < position, true),
          toArray(),
        )
      return JSON.stringify(await firstValueFrom(upTo))
    },
    /** All rows, in order of their key, as soon as they are as of this position, as JSON. */
    async rows(model: string, position: number): Promise<string> {
      const current = table(model)
        .snapshots()
        .pipe(filter((snapshot) => snapshot.position >= position && !snapshot.stale))
      return JSON.stringify((await firstValueFrom(current)).data)
    },
    /** Whatever is answered now: the first so many rows, how many there are, and how fresh that is. */
    async glance(model: string, limit: number) {
      const [{ data, position, stale }, count] = await Promise.all([table(model).limit(limit).snapshot(), table(model).count()])
      return { data, count, position, stale }
    },
    load: (aggregate: string, ids: readonly string[]) =>
      Promise.all(
        ids.map(async (id) => {
          try {
            const { state, version } = (await dynamic().aggregates[aggregate]?.load(id)) ?? {}
            return { id, state, version }
          } catch (error) {
            return { id, ...faultOf(error) }
          }
        }),
      ),

    /** Begins to watch all rows of a Read Model. */
    watch(model: string) {
      const seen = new ReplaySubject<Snapshot<readonly object[]>>()
      watched.set(model, seen)
      table(model).snapshots().subscribe(seen)
    },
    /** Resolves when the watch shows, or has shown, exactly these rows. */
    async untilSeen(model: string, rows: readonly object[]): Promise<void> {
      const seen = watched.get(model)
      if (!seen) throw new Error(`${model} is not watched.`)
      await firstValueFrom(seen.pipe(filter(({ data }) => JSON.stringify(data) === JSON.stringify(rows))))
    },

    untilWorker: (state: Status['worker']) => statusWhere(({ worker: now }) => now === state),
    untilTabs: (tabs: number) => statusWhere((now) => now.tabs === tabs),
    untilPosition: (position: number) => statusWhere((now) => now.position >= position),
    position: async () => (await statusWhere(({ worker: now }) => now === 'ready')).position,
    untilStorage: (state: Status['storage']['state']) => statusWhere(({ storage }) => storage.state === state),
    /** Resolves with a Read Model's status as soon as it is in this state, and has come this far. */
    untilModel: async (name: string, state: ReadModelStatus['state'], { position = 0, built = 0 } = {}): Promise<ReadModelStatus> => {
      const holds = (model: ReadModelStatus): boolean =>
        model.name === name &&
        model.state === state &&
        model.position >= position &&
        (built === 0 || (model.rebuild?.position ?? 0) >= built)
      return (await statusWhere(({ readModels }) => readModels.some(holds))).readModels.find(holds) as ReadModelStatus
    },

    retry: (handler: string) => handle().retry(handler),

    sync: (request: 'pause' | 'resume' | 'now') => handle().sync[request](),
    syncStatus: () => firstValueFrom(handle().sync.status$),
    /** Resolves with the status of sync as soon as it is one of these, and no more Commands wait for the server than that. */
    untilSync: (states: readonly SyncStatus['state'][], pending = Infinity): Promise<SyncStatus> =>
      firstValueFrom(handle().sync.status$.pipe(filter((now) => states.includes(now.state) && now.pending <= pending))),
    /** As soon as this tab syncs for all, or does not. */
    untilHere: (here: boolean): Promise<SyncStatus> => firstValueFrom(handle().sync.status$.pipe(filter((now) => now.here === here))),
    receipts: (commandIds: readonly string[]) => Promise.all(commandIds.map((id) => handle().sync.receipt(id))),
    inbox: async () => handle().inbox,
    destroy: () => handle().destroy(),
    close: () => handle().close(),
    databases: async () => (await indexedDB.databases()).map(({ name = '' }) => name).sort(),
  }
}

export type Control = ReturnType<typeof control>

/** Makes an API callable from the test. */
export const expose = (api: object): void => void Object.assign(globalThis, { remote: api })

function faultOf(error: unknown): Fault {
  if (!isOutpostError(error)) throw error
  return { fault: error.code, message: error.message }
}
