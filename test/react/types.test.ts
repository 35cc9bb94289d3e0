/** What the compiler infers for hooks and options from the domain alone; nothing here runs. */
import type { LiveQuery, SettledOutcome } from 'outpost/client'
import { connect } from 'outpost/client'
import { createHooks, type QueryResult } from 'outpost/react'
import { expectTypeOf, test } from 'vitest'
import type { stock } from '../fixtures/stock.ts'

const compiled = (_: () => void): void => undefined
const hooks = createHooks<typeof stock>()

interface StockRow {
  sku: string
  name: string
  onHand: number
}

test('useQuery gives the rows, one row, or the figure of the query it is given', () =>
  compiled(() => {
    const { useQuery } = hooks
    expectTypeOf(useQuery((read) => read.stockList)).toEqualTypeOf<QueryResult<readonly StockRow[]>>()
    expectTypeOf(useQuery((read) => read.stockList.where({ onHand: { below: 3 } }).first()).data).toEqualTypeOf<StockRow | undefined>()
    expectTypeOf(useQuery((read) => read.stockList.count()).data).toEqualTypeOf<number | undefined>()
    expectTypeOf(useQuery((read) => read.lowStock({ below: 3 })).data).toEqualTypeOf<
      { sku: string; onHand: number; ordered: boolean }[] | undefined
    >()
    const query = undefined as LiveQuery<number> | undefined
    expectTypeOf(useQuery(query).data).toEqualTypeOf<number | undefined>()
    // @ts-expect-error no such Read Model
    useQuery((read) => read.nothing)
    // @ts-expect-error not indexed
    useQuery((read) => read.orderList.where({ units: 1 }))
  }))

test('useSuspenseQuery always has data', () =>
  compiled(() => {
    expectTypeOf(hooks.useSuspenseQuery((read) => read.stockList).data).toEqualTypeOf<readonly StockRow[]>()
    // @ts-expect-error there must be a query
    hooks.useSuspenseQuery(undefined)
  }))

test('useCommand takes the Command’s own arguments, and its refusal is one of the declared ones', () =>
  compiled(() => {
    const [pick, { outcome, refusal }] = hooks.useCommand((commands) => commands.stockItem.pick)
    expectTypeOf(pick).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(pick).parameter(1).toEqualTypeOf<{ quantity: number }>()
    expectTypeOf(pick('a', { quantity: 1 })).resolves.toEqualTypeOf<SettledOutcome<NonNullable<typeof outcome>>>()
    if (refusal?.refusal === 'outOfStock') expectTypeOf(refusal.details).toEqualTypeOf<{ onHand: number }>()
    // @ts-expect-error no such refusal
    void (refusal?.refusal === 'alreadyPlaced')
    const [place, placed] = hooks.useCommand((commands) => commands.fulfilment.placeOrder)
    expectTypeOf(place).parameter(0).toEqualTypeOf<{ orderId: string; lines: Record<string, number> }>()
    if (placed.refusal?.refusal === 'alreadyPlaced') expectTypeOf(placed.refusal.details).toEqualTypeOf<{ orderId: string }>()
    // @ts-expect-error no such Command
    hooks.useCommand((commands) => commands.stockItem.drop)
  }))

test('connect takes a worker or an endpoint, never both and never none', () =>
  compiled(() => {
    const worker = undefined as unknown as Worker
    connect<typeof stock>({ worker: () => worker })
    connect<typeof stock>({ endpoint: () => ({ port: worker }) })
    // @ts-expect-error both
    connect<typeof stock>({ worker: () => worker, endpoint: () => ({ port: worker }) })
    // @ts-expect-error none
    connect<typeof stock>({ space: 'hall-7' })
  }))
