/** The page's handle on the stock book. It takes the domain's types only: neither zod nor storage reach the page. */
import { connect } from 'outpost/client'
import type { stockroom } from './domain/domain.ts'
import { readIdentity } from './identity.ts'

/** Which book is open: `?space=hall-2` opens another one. */
export const space = new URLSearchParams(location.search).get('space') ?? 'hall-1'

/** Whose book it is: each person has a copy of their own on this device, of the one book that all of a space share. */
export const identity = readIdentity()

export const openBook = () =>
  connect<typeof stockroom>({
    space,
    actor: identity.name,
    // A name is all that the demo's server asks for. Elsewhere this is what the sign-in gave.
    token: () => Promise.resolve(identity.name),
    worker: () => new Worker(new URL('./app.worker.ts', import.meta.url), { type: 'module', name: 'stockroom' }),
  })
