/**
 * Reads a projection's rows: those that storage has, with those in memory laid over them. What it hands on is true at that very
 * moment, for the record that the projection stands on, and is handed on synchronously: whoever is told of every later
 * change misses none and sees none twice.
 */
import { OutpostError } from '../errors.ts'
import { deepFreeze } from '../internal/plain.ts'
import { keyToken } from '../storage/key.ts'
import type { Checkpoint } from '../storage/record.ts'
import type { Key, ReadStore, Row } from '../storage/storage.ts'
import type { FoldedRows } from './folded-rows.ts'
import { mergeRows } from './merge-rows.ts'
import type { QueryPlan } from './query-plan.ts'
import { RowHeap } from './row-heap.ts'
import type { Token } from './row-operations.ts'
import type { VisibleRows } from './visible-rows.ts'

/** Rounds of reading again because others wrote in between; each means that somebody made progress. */
const MAX_ROUNDS = 50
/** After so many, folding waits for the reader. */
const FREE_ROUNDS = 3
/** With more rows in the overlay than this, storing them first is faster than asking for each what it was. */
const MAX_CORRECTIONS = 5_000
/** Rows read beyond what was asked for, to make up for those that the overlay takes away. */
const FIRST_RESERVE = 16

/** Rows in the order of their query. */
export interface RowsRead {
  readonly rows: readonly Row[]
  /** True where there are no more. */
  readonly complete: boolean
}

export interface RowReaderHost {
  readonly rows: FoldedRows
  readonly visible: VisibleRows
  readonly store: ReadStore
  readonly keyField: string
  /** Comes to terms with rows as of a checkpoint that do not fit the overlay. */
  reconcile(checkpoint: Checkpoint | undefined): Promise<void>
  flush(): Promise<void>
  /** What has to be waited for until the rows can be shown; rejects where that fails. Undefined where they can. */
  laying(): Promise<void> | undefined
  /** Lets nothing be folded in until the returned function is called. */
  hold(): () => void
}

/** A read of storage: `undefined` where it has to be done again. */
type Attempt<T> = () => Promise<{ readonly value: T } | undefined>

export class RowReader {
  readonly #host: RowReaderHost
  #loading: { readonly keys: Map<Token, Key>; readonly done: Promise<Loaded> } | undefined

  constructor(host: RowReaderHost) {
    this.#host = host
  }

  /** @param take gets the row of this key */
  get<T>(key: Key, take: (row: Row | undefined) => T): Promise<T> {
    const token = keyToken(key)
    return this.#read(async () => {
      const { rows, visible } = this.#host
      const known = visible.visible(token)
      if (known) return { value: take(known.row) }
      const { checkpoint, found, epoch } = await this.#load(token, key)
      const misfit = this.#misfit([checkpoint], epoch)
      if (misfit) return misfit
      const newer = visible.visible(token)
      if (newer) return { value: take(newer.row) }
      const row = found.get(token)
      rows.remember(token, row)
      return { value: take(row) }
    })
  }

  /**
   * @param need so many rows from the first on, or all there are
   * @param take gets at least these
   */
  scan<T>(plan: QueryPlan, need: number, take: (read: RowsRead) => T): Promise<T> {
    let reserve = need === Infinity ? 0 : FIRST_RESERVE
    return this.#read(async () => {
      const { visible } = this.#host
      const { epoch } = visible
      const scanned = await (plan.ordered ? this.#scanInOrder(plan, need + reserve) : this.#scanAll(plan, need + reserve))
      if (!scanned) return undefined
      const misfit = this.#misfit(scanned.checkpoints, epoch)
      if (misfit) return misfit
      const read = mergeRows(scanned, visible, plan, this.#host.keyField)
      if (!read.complete && read.rows.length < need) {
        reserve = 4 * reserve + visible.size
        return undefined
      }
      return { value: take(read) }
    })
  }

  /** @param take gets how many rows match */
  async count<T>(plan: QueryPlan, take: (count: number) => T): Promise<T> {
    const { visible } = this.#host
    // Where it fails, status tells, and the slower way is left.
    if (!plan.residual && visible.size > MAX_CORRECTIONS) await this.#host.flush().catch(() => undefined)
    return this.#read(async () => {
      const { epoch, size, covered } = visible
      const counted = await (plan.residual || size > MAX_CORRECTIONS ? this.#countEach(plan) : this.#countAtOnce(plan))
      const misfit = this.#misfit(counted.checkpoints, epoch)
      if (misfit) return misfit
      // A row that has been covered since then may have been counted or not.
      if (visible.covered !== covered) return undefined
      if (counted.count === undefined) return undefined
      let { count } = counted
      for (const { row } of visible.covering()) if (row && plan.matches(row)) count++
      return { value: take(count) }
    })
  }

  /** Counts rows that the overlay does not cover. */
  async #countEach(plan: QueryPlan): Promise<Counted> {
    const filter = this.#uncovered(plan)
    const checkpoints: (Checkpoint | undefined)[] = []
    let count = 0
    for (const range of plan.ranges) {
      const part = await this.#host.store.count({ ...access(plan), range, ...(filter && { filter }) })
      checkpoints.push(part.checkpoint)
      count += part.count
    }
    return { checkpoints, count }
  }

  /** Lets storage count without reading, then takes away what the overlay covers. All of it must be as of one record. */
  async #countAtOnce(plan: QueryPlan): Promise<Counted> {
    const covered = [...this.#host.visible.covering()].map(({ key }) => key)
    const [removed, ...parts] = await Promise.all([
      covered.length > 0 ? this.#host.store.load(covered) : undefined,
      ...plan.ranges.map((range) => this.#host.store.count({ ...access(plan), range })),
    ])
    const checkpoints = [...parts, ...(removed ? [removed] : [])].map(({ checkpoint }) => checkpoint)
    const hidden = removed?.rows.filter((row) => row !== undefined && plan.matches(row)).length ?? 0
    const atOnce = checkpoints.every((checkpoint) => checkpoint?.record === checkpoints[0]?.record)
    return { checkpoints, count: atOnce ? parts.reduce((sum, { count }) => sum + count, 0) - hidden : undefined }
  }

  /** Keeps the overlay's rows while storage is read, and reads again until what was read fits them. */
  async #read<T>(attempt: Attempt<T>): Promise<T> {
    const { rows } = this.#host
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (let laying = this.#host.laying(); laying; laying = this.#host.laying()) await laying
      const resume = round < FREE_ROUNDS ? undefined : this.#host.hold()
      rows.retain()
      try {
        const result = await attempt()
        if (result) return result.value
      } finally {
        rows.release()
        resume?.()
      }
    }
    throw new OutpostError('storage-failed', 'The rows kept changing. Ask again.')
  }

  /**
   * Undefined where what was read fits the overlay as it is now. Not a promise then: nothing may be folded between this
   * check and the use.
   */
  #misfit(checkpoints: readonly (Checkpoint | undefined)[], epoch: number): Promise<undefined> | undefined {
    const { rows, visible } = this.#host
    for (const checkpoint of checkpoints) {
      if (rows.judge(checkpoint) !== 'usable') return this.#host.reconcile(checkpoint).then(() => undefined)
      rows.noteStored(checkpoint)
    }
    return epoch === visible.epoch ? undefined : Promise.resolve(undefined)
  }

  /** Several keys asked for in one task are loaded in one transaction. */
  async #load(token: Token, key: Key): Promise<Loaded> {
    if (!this.#loading) {
      const keys = new Map<Token, Key>()
      this.#loading = { keys, done: Promise.resolve().then(() => this.#loadAll(keys)) }
    }
    const { keys, done } = this.#loading
    keys.set(token, key)
    return done
  }

  async #loadAll(keys: ReadonlyMap<Token, Key>): Promise<Loaded> {
    this.#loading = undefined
    const { epoch } = this.#host.visible
    const { checkpoint, rows } = await this.#host.store.load([...keys.values()])
    return { checkpoint, epoch, found: new Map([...keys.keys()].map((token, i) => [token, deepFreeze(rows[i])])) }
  }

  /** One range after another, until there are enough. */
  async #scanInOrder(plan: QueryPlan, need: number): Promise<Scanned> {
    const filter = this.#uncovered(plan)
    const rows: Row[] = []
    const checkpoints: (Checkpoint | undefined)[] = []
    for (const range of plan.ranges) {
      const limit = need - rows.length
      const part = await this.#host.store.scan({
        ...access(plan),
        range,
        reverse: plan.reverse,
        ...(filter && { filter }),
        ...(limit < Infinity && { limit }),
      })
      checkpoints.push(part.checkpoint)
      for (const row of part.rows) rows.push(row)
      if (part.rows.length >= limit) return { rows, checkpoints, complete: false }
    }
    return { rows, checkpoints, complete: true }
  }

  /**
   * All ranges to their end: the order has to be made. With a limit, only the first rows are kept meanwhile.
   *
   * @returns undefined where storage lost its connection and read some of them twice
   */
  async #scanAll(plan: QueryPlan, need: number): Promise<Scanned | undefined> {
    const checkpoints: (Checkpoint | undefined)[] = []
    const kept = new RowHeap(plan.order, need)
    const filter = this.#uncovered(plan)
    for (const range of plan.ranges) {
      let seen = 0
      // Rows are taken from the filter: storage need not keep those that are not among the first.
      const { checkpoint, count } = await this.#host.store.count({
        ...access(plan),
        range,
        filter: (row) => {
          if (filter && !filter(row)) return false
          kept.add(row)
          seen++
          return true
        },
      })
      if (seen !== count) return undefined
      checkpoints.push(checkpoint)
    }
    return { rows: kept.sorted(), checkpoints, complete: kept.complete }
  }

  /** What storage has to test of a row: conditions beyond the range, and that the overlay does not cover it now. */
  #uncovered({ residual }: QueryPlan): ((row: Row) => boolean) | undefined {
    const { visible, keyField } = this.#host
    if (visible.size === 0) return residual
    return (row) => (!residual || residual(row)) && !visible.covers(keyToken(row[keyField] as Key))
  }
}

interface Loaded {
  readonly checkpoint: Checkpoint | undefined
  readonly epoch: number
  readonly found: ReadonlyMap<Token, Row | undefined>
}

interface Counted {
  readonly checkpoints: readonly (Checkpoint | undefined)[]
  /** undefined where its parts are as of several records */
  readonly count: number | undefined
}

/** What storage gave: sorted, the first of what there is. */
export interface Scanned extends RowsRead {
  readonly checkpoints: readonly (Checkpoint | undefined)[]
}

const access = ({ index }: QueryPlan): { readonly index?: number } => (index === undefined ? {} : { index })
