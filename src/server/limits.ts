/** What a server gives at most. */
import { LIMITS } from '../sync/protocol.ts'

export interface Limits {
  /** Bytes of a body, packed and unpacked. */
  readonly bodyBytes: number
  /** Commands in a push. */
  readonly pushCommands: number
  /** Records in a pulled page, which ends earlier where it has this many bytes. */
  readonly pullRecords: number
  readonly pullBytes: number
  /** Requests of one principal: so many at once, and so many a second after that. */
  readonly requestBurst: number
  readonly requestsPerSecond: number
  /** Streams of change notices: of one principal, and in all. */
  readonly listenersPerPrincipal: number
  readonly listeners: number
  /** Spaces open at once. What nobody listens to or asks of is closed when there are more. */
  readonly openSpaces: number
  /** A space that is unused for so long is closed: ms. */
  readonly idleSpaceMs: number
}

export const defaultLimits: Limits = {
  ...LIMITS,
  // A device syncs in a few requests; a principal with ten of them, each after a long time offline, still finds this enough.
  requestBurst: 200,
  requestsPerSecond: 50,
  listenersPerPrincipal: 50,
  listeners: 10_000,
  openSpaces: 1000,
  idleSpaceMs: 5 * 60 * 1000,
}

/** @throws RangeError naming the limit that makes no sense */
export function limitsOf(given: Partial<Limits>): Limits {
  const limits = { ...defaultLimits, ...given }
  for (const [name, value] of Object.entries(limits))
    if (!(typeof value === 'number' && value >= 1)) throw new RangeError(`The limit ${name} is ${String(value)}: give a number from 1.`)
  return limits
}
