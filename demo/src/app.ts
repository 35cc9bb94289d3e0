/** The page's handle on the stock book. It takes the domain's types only: neither zod nor storage reach the page. */
import { connect } from 'outpost/client'
import type { stockroom } from './domain/domain.ts'
import { readIdentity } from './identity.ts'

/** Which book is open: `?space=hall-2` opens another one. */
export const space = new URLSearchParams(location.search).get('space') ?? 'hall-1'

/** Whose book it is: each person has one of their own in every space. */
export const identity = readIdentity()

export const openBook = () =>
  connect<typeof stockroom>({
    space,
    actor: identity.name,
    worker: () => new Worker(new URL('./app.worker.ts', import.meta.url), { type: 'module', name: 'stockroom' }),
  })
