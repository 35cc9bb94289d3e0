/** An engine whose log is a few arrays: everything that the thread boundary needs of one, and nothing else. */
import { BehaviorSubject, Subject } from 'rxjs'
import type { Outcome } from '../../src/domain/infer.ts'
import type { QueryDescription, Snapshot } from '../../src/domain/query.ts'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import type { CommandMessage, Engine, ExportPage, ExportPlace, EngineStatus, WatchedQuery } from '../../src/engine/engine.ts'
import type { CommandTrace } from '../../src/engine/trace.ts'
import { type ErrorCode, OutpostError } from '../../src/errors.ts'
import { canonical } from '../../src/internal/canonical.ts'

/** What outlives an engine. */
export class FakeStorage {
  epoch = 'epoch-1'
  readonly events: RecordedEvent[] = []
  readonly receipts = new Map<string, Outcome>()
  /** Results by canonical description, or by the name of the Read Model or named query. */
  readonly results = new Map<string, unknown>()
  /** Which rows of a result are pending, by the name of the Read Model or named query. */
  readonly pending = new Map<string, readonly number[] | undefined>()
  /** Ids of Commands in the order decided, each time. */
  readonly decided: string[] = []

  record(command: Pick<CommandMessage, 'id' | 'type'>): Outcome {
    const event = { id: `${command.id}/1`, type: `${command.type}ed`, position: this.events.length + 1, commandId: command.id }
    this.events.push(event as RecordedEvent)
    const outcome: Outcome = { ok: true, commandId: command.id, position: this.events.length, events: [] }
    this.receipts.set(command.id, outcome)
    return outcome
  }
}

/** What a Command comes to. `undefined`: its Event is recorded. */
export type Decide = (command: CommandMessage, engine: FakeEngine) => Outcome | Promise<Outcome> | undefined

export class FakeEngine implements Engine {
  readonly storage: FakeStorage
  readonly logEpoch: string
  readonly recorded$ = new Subject<{ position: number; own: boolean }>()
  readonly status$ = new BehaviorSubject<EngineStatus>({ position: 0, storage: 'ok', readModels: [], handlers: [] })
  readonly trace$ = new Subject<CommandTrace>()
  readonly received: CommandMessage[] = []
  /** Ids of the Commands whose calls were taken back. */
  readonly cancelled: string[] = []
  readonly watches = new Set<{ readonly query: QueryDescription; readonly changed: () => void }>()
  readonly runs: { readonly query: QueryDescription; readonly after: number }[] = []
  imported: string[] = []
  importFails: ErrorCode | undefined
  catchUps = 0
  closed = false
  /** As of which position results are, where not of the log's head. */
  resultsAt: number | undefined
  readonly #decide: Decide
  readonly #waiting = new Map<string, (error: Error) => void>()

  constructor(storage: FakeStorage, decide: Decide) {
    this.storage = storage
    this.logEpoch = storage.epoch
    this.#decide = decide
  }

  get position(): number {
    return this.storage.events.length
  }

  get record(): number {
    return this.position
  }
  get confirmed(): number {
    return this.position
  }
  readonly tailEpoch = 0

  dispatch(commands: readonly CommandMessage[]): readonly Promise<Outcome>[] {
    this.received.push(...commands)
    return commands.map(async (command) => {
      const receipt = command.fresh ? undefined : this.storage.receipts.get(command.id)
      if (receipt) return receipt
      this.storage.decided.push(command.id)
      const decided = this.#decide(command, this)
      if (decided) return Promise.race([decided, this.#cancelled(command.id)])
      const outcome = this.storage.record(command)
      this.recorded$.next({ position: this.position, own: true })
      return outcome
    })
  }

  #cancelled(commandId: string): Promise<never> {
    return new Promise((_, reject) => this.#waiting.set(commandId, reject))
  }

  cancel(call: number): boolean {
    const commandId = this.received.find((command) => command.call === call)?.id ?? ''
    this.cancelled.push(commandId)
    if (this.storage.receipts.has(commandId)) return false
    this.#waiting.get(commandId)?.(new OutpostError('aborted', `Command "${commandId}" was taken back.`))
    return true
  }

  async run(query: QueryDescription, after: number): Promise<Snapshot<unknown>> {
    this.runs.push({ query, after })
    if (this.resultsAt !== undefined && this.resultsAt < after) this.resultsAt = after
    return this.#snapshot(query)
  }

  async watch(query: QueryDescription, changed: () => void): Promise<WatchedQuery> {
    if (query.kind === 'rows' && query.model === 'unknown') throw new OutpostError('unknown-read-model', 'There is none.')
    const watch = { query, changed }
    this.watches.add(watch)
    let last = this.#snapshot(query)
    const latest = (): Snapshot<unknown> => {
      const next = this.#snapshot(query)
      if (next.data !== last.data || next.position !== last.position || next.pending !== last.pending) last = next
      return last
    }
    return {
      get snapshot() {
        return latest()
      },
      reach: async (position) => void (await this.run(query, position)),
      close: () => void this.watches.delete(watch),
    }
  }

  /** Sets a result, and which of its rows are pending, and tells who watches it. */
  show(name: string, result: unknown, pending?: readonly number[]): void {
    this.storage.results.set(name, result)
    this.storage.pending.set(name, pending)
    for (const { query, changed } of this.watches) if (nameOf(query) === name || canonical(query) === name) changed()
  }

  #snapshot(query: QueryDescription): Snapshot<unknown> {
    const { results } = this.storage
    const data = results.has(canonical(query)) ? results.get(canonical(query)) : results.get(nameOf(query))
    const pending = this.storage.pending.get(nameOf(query))
    return { data, position: this.resultsAt ?? this.position, stale: false, ...(pending && { pending }) }
  }

  async readEvents(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    return this.storage.events.slice(after, after + limit)
  }
  async load(aggregate: string, id: string): Promise<{ state: unknown; version: number }> {
    return { state: { aggregate, id }, version: 1 }
  }
  async loadAt(aggregate: string, id: string, moment: object): Promise<{ state: unknown; version: number }> {
    return { state: { aggregate, id, moment }, version: 1 }
  }
  async history(): Promise<readonly RecordedEvent[]> {
    return this.storage.events
  }
  async catchUp(): Promise<void> {
    this.catchUps++
  }
  async retry(handler: string): Promise<void> {
    throw new OutpostError('unknown-handler', `There is no "${handler}".`, { handler }, new RangeError('cause'))
  }
  async rebuild(): Promise<void> {}
  async exportPage(place: ExportPlace = { after: 0, events: 0, until: 5, voids: 0 }): Promise<ExportPage> {
    const { after, until } = place
    const next = { ...place, after: after + 1 }
    return { text: after === 1 ? '' : `line ${after}\n`, next: next.after < until ? next : undefined }
  }
  async import(pages: AsyncIterable<readonly string[]>): Promise<{ records: number; events: number }> {
    this.imported = []
    for await (const page of pages) this.importPage(page)
    if (this.imported.length === 0) throw new OutpostError('invalid-import', 'Empty.')
    return { records: this.imported.length - 1, events: 0 }
  }
  importPage(page: readonly string[]): void {
    if (this.importFails && this.imported.length > 0) throw new OutpostError(this.importFails, 'It fails.')
    this.imported.push(...page)
  }
  async destroy(): Promise<void> {
    this.storage.events.length = 0
    this.storage.receipts.clear()
    await this.close()
  }
  async close(): Promise<void> {
    this.closed = true
    this.recorded$.complete()
    this.status$.complete()
  }
}

export const nameOf = (query: QueryDescription): string => (query.kind === 'named' ? query.query : query.model)
