/** An account book in several builds of one app: what they share, and what each declares otherwise. */
import { aggregate, domain, readModel } from 'outpost'
import { z } from 'zod'

const account = aggregate('account', {
  state: z.object({ balance: z.number().int() }),
  events: { opened: z.object({}), booked: z.object({ amount: z.number().int() }) },
  commands: { open: z.object({}), book: z.object({ amounts: z.array(z.number().int()) }) },
  refusals: { unknownAccount: z.object({}) },
  create: { opened: () => ({ balance: 0 }) },
  evolve: { booked: (state, { amount }) => ({ balance: state.balance + amount }) },
  decide: {
    open: (state, _, { emit }) => (state ? [] : emit.opened({})),
    book: (state, { amounts }, { emit, refuse }) => (state ? amounts.map((amount) => emit.booked({ amount })) : refuse.unknownAccount({})),
  },
})

const balances = readModel('balances', {
  version: 1,
  from: [account],
  row: z.object({ id: z.string(), balance: z.number() }),
  key: 'id',
  on: {
    'account.opened': ({ aggregateId }, rows) => rows.put({ id: aggregateId, balance: 0 }),
    'account.booked': ({ aggregateId, data }, rows) => rows.update(aggregateId, (row) => ({ ...row, balance: row.balance + data.amount })),
  },
})

/** A row for each booking. @param show makes of an amount what the row says; it may throw */
const bookings = (version: number, show: (amount: number) => number) =>
  readModel('bookings', {
    version,
    from: [account],
    row: z.object({ position: z.number(), account: z.string(), amount: z.number() }),
    key: 'position',
    indexes: ['account'],
    ignores: ['account.opened'],
    on: {
      'account.booked': ({ aggregateId, position, data }, rows) => rows.put({ position, account: aggregateId, amount: show(data.amount) }),
    },
  })

const build = (version: number, show: (amount: number) => number) =>
  domain('ledger', { aggregates: [account], readModels: [balances, bookings(version, show)] })

export const unluckyAmount = 13

/** What each shows of an amount tells which one made the row. @param called told of each Event that a handler takes */
export const ledgers = {
  'ledger-1': (called: () => void) =>
    build(1, (amount) => {
      called()
      return amount
    }),
  'ledger-2': (called: () => void) =>
    build(2, (amount) => {
      called()
      return amount * 100
    }),
  'ledger-1-broken': (called: () => void) =>
    build(1, (amount) => {
      called()
      if (amount === unluckyAmount) throw new RangeError(`no row for ${amount}`)
      return amount
    }),
}
