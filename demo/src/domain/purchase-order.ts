/** A Purchase Order: more of one Stock Item, ordered from its supplier. */
import { aggregate } from 'outpost'
import { z } from 'zod'

const Line = z.object({ sku: z.string().min(1), quantity: z.number().int().positive() })

/** It is received by the use case `purchasing.receive`, which books the units in as well. */
export const purchaseOrder = aggregate('purchaseOrder', {
  state: Line.extend({ status: z.enum(['open', 'received', 'cancelled']) }),
  events: { opened: Line, received: Line, cancelled: z.object({ sku: z.string() }) },
  commands: { open: Line, cancel: z.object({}) },
  refusals: { notOpen: z.object({}) },
  create: { opened: (line) => ({ ...line, status: 'open' }) },
  evolve: {
    received: (state) => ({ ...state, status: 'received' }),
    cancelled: (state) => ({ ...state, status: 'cancelled' }),
  },
  decide: {
    open: (state, line, { emit }) => (state ? [] : emit.opened(line)),
    cancel: (state, _, { emit, refuse }) => (state?.status === 'open' ? emit.cancelled({ sku: state.sku }) : refuse.notOpen({})),
  },
})
