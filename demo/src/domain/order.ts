/** An Order of a customer. Whether it could be fulfilled is a fact about it either way. */
import { aggregate } from 'outpost'
import { z } from 'zod'

export const OrderLine = z.object({ sku: z.string().min(1), quantity: z.number().int().positive() })
export type OrderLine = z.output<typeof OrderLine>

const Lines = z.array(OrderLine)
const State = z.object({ status: z.enum(['placed', 'declined']), lines: Lines, missing: z.array(z.string()) })
type State = z.output<typeof State>

/** Orders are placed by the use case `fulfilment.placeOrder`, since that concerns the Stock Items too. */
export const order = aggregate('order', {
  state: State,
  events: {
    placed: z.object({ lines: Lines }),
    declined: z.object({ lines: Lines, missing: z.array(z.string()) }),
  },
  commands: {},
  create: {
    placed: ({ lines }): State => ({ status: 'placed', lines, missing: [] }),
    declined: ({ lines, missing }): State => ({ status: 'declined', lines, missing }),
  },
  evolve: {},
  decide: {},
})
