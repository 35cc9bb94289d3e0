/** One import as the screens show it, and as it is kept for the next visit. Plain data. */

export interface StockOptions {
  /** What a code seen for the first time is registered with. */
  readonly openingStock: number
  readonly reorderPoint: number
}

export const usualStock: StockOptions = { openingStock: 500, reorderPoint: 50 }

export interface MalformedLine {
  readonly line: number
  readonly text: string
  readonly problem: string
}

export interface ImportProgress {
  /** Lines that are orders or malformed, in the whole file; 0 while they are counted. */
  readonly total: number
  readonly done: number
  readonly placed: number
  readonly declined: number
  /** Of these orders, how many were in the book already. */
  readonly known: number
  readonly malformed: number
  /** The first ones of them: a file may hold nothing else. */
  readonly malformedLines: readonly MalformedLine[]
  /** The first ones of the declined. */
  readonly declinedOrders: readonly { readonly line: number; readonly orderId: string }[]
  /** Position of the last Event that the import led to. */
  readonly position: number
  /** Lines a second, over the last few seconds. */
  readonly rate: number
}

/** So many malformed lines and declined orders are listed. */
export const listedAtMost = 2000

export const noProgress: ImportProgress = {
  total: 0,
  done: 0,
  placed: 0,
  declined: 0,
  known: 0,
  malformed: 0,
  malformedLines: [],
  declinedOrders: [],
  position: 0,
  rate: 0,
}

/**
 * running ─→ done | cancelled | failed ─→ running (resume)
 *    └─ page left ─→ running (by itself, in this tab or the next) | interrupted (the file could not be kept)
 */
export type ImportPhase = 'running' | 'done' | 'cancelled' | 'failed' | 'interrupted'

export interface ImportJob {
  readonly id: string
  readonly fileName: string
  readonly stock: StockOptions
  /** Part of the orders' ids: those of another batch are other orders, also where they say the same. */
  readonly batch?: string
  readonly phase: ImportPhase
  /** Why it failed, for a person. */
  readonly problem?: string
  readonly progress: ImportProgress
  readonly elapsedMs: number
}
