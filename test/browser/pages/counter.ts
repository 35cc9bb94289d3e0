/** A counter in two builds of one app: the newer one knows an Event, and a version of another, that the older does not. */
import { aggregate, domain, event, readModel } from 'outpost'
import { z } from 'zod'

const added = z.object({ by: z.number() })
const commands = { begin: z.object({}), add: added }
const refusals = { tooSmall: z.object({ n: z.number() }) }
const state = z.object({ n: z.number() })
const row = z.object({ id: z.string(), n: z.number() })

const note = aggregate('note', {
  state: z.object({ text: z.string() }),
  events: { written: z.object({ text: z.string() }) },
  commands: { write: z.object({ text: z.string() }) },
  create: { written: (data) => data },
  evolve: { written: (_, data) => data },
  decide: { write: (_, payload, { emit }) => emit.written(payload) },
})

const notes = readModel('notes', {
  version: 1,
  from: [note],
  row: z.object({ id: z.string(), text: z.string() }),
  key: 'id',
  on: { 'note.written': ({ aggregateId, data }, rows) => rows.put({ id: aggregateId, ...data }) },
})

const oldCounter = aggregate('counter', {
  state,
  events: { begun: z.object({}), added },
  commands,
  refusals,
  create: { begun: () => ({ n: 0 }) },
  evolve: { added: ({ n }, { by }) => ({ n: n + by }) },
  decide: {
    begin: (now, _, { emit }) => (now ? [] : emit.begun({})),
    add: (now, { by }, { emit, refuse }) => (!now || now.n + by < 0 ? refuse.tooSmall({ n: now?.n ?? 0 }) : emit.added({ by })),
  },
})

const newCounter = aggregate('counter', {
  state,
  events: {
    begun: z.object({}),
    added: event(z.object({ by: z.number(), unit: z.string() }), {
      version: 2,
      upcast: { 1: (data: object) => ({ ...data, unit: 'piece' }) },
    }),
    halved: z.object({}),
  },
  commands: { ...commands, halve: z.object({}) },
  refusals,
  create: { begun: () => ({ n: 0 }) },
  evolve: { added: ({ n }, { by }) => ({ n: n + by }), halved: ({ n }) => ({ n: n / 2 }) },
  decide: {
    begin: (now, _, { emit }) => (now ? [] : emit.begun({})),
    add: (now, { by }, { emit, refuse }) =>
      !now || now.n + by < 0 ? refuse.tooSmall({ n: now?.n ?? 0 }) : emit.added({ by, unit: 'box' }),
    halve: (now, _, { emit, refuse }) => (now ? emit.halved({}) : refuse.tooSmall({ n: 0 })),
  },
})

const oldCounters = readModel('counters', {
  version: 1,
  from: [oldCounter],
  row,
  key: 'id',
  on: {
    'counter.begun': ({ aggregateId }, rows) => rows.put({ id: aggregateId, n: 0 }),
    'counter.added': ({ aggregateId, data }, rows) => rows.update(aggregateId, ({ id, n }) => ({ id, n: n + data.by })),
  },
})

const newCounters = readModel('counters', {
  version: 2,
  from: [newCounter],
  row,
  key: 'id',
  on: {
    'counter.begun': ({ aggregateId }, rows) => rows.put({ id: aggregateId, n: 0 }),
    'counter.added': ({ aggregateId, data }, rows) => rows.update(aggregateId, ({ id, n }) => ({ id, n: n + data.by })),
    'counter.halved': ({ aggregateId }, rows) => rows.update(aggregateId, ({ id, n }) => ({ id, n: n / 2 })),
  },
})

export const counters = {
  'counter-old': () => domain('counters', { aggregates: [oldCounter, note], readModels: [oldCounters, notes] }),
  'counter-new': () => domain('counters', { aggregates: [newCounter, note], readModels: [newCounters, notes] }),
}
