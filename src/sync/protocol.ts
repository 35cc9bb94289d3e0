/**
 * What a device and a server say to one another: JSON over HTTP, and one stream of Server-Sent Events. `PROTOCOL.md` beside
 * this file tells it in words, for whoever writes a server in another language. Both ends parse what they receive with these
 * schemas; fields that one does not know are left out, so that neighbouring versions understand one another. What a device
 * parses is here; what only a server does is in `requests.ts`, which no app has to load.
 *
 *     POST «url»/«space»/connect   who I am ──▶ where the server's log is, and how far it knows me
 *     POST «url»/«space»/push      Commands in order ──▶ how far they are processed, with their outcomes
 *     POST «url»/«space»/pull      a cursor ──▶ a slice of processed Commands: outcomes and Events together
 *     GET  «url»/«space»/changes   Server-Sent Events: how far the log has grown
 */
import { z } from 'zod'

/** The version that this build speaks, and the oldest that it understands. */
export const PROTOCOL = 1
export const OLDEST_PROTOCOL = 1

/** Limits that a client keeps to unless `connect` says less. */
export const LIMITS = {
  /** Commands in a push. */
  pushCommands: 500,
  /** Bytes of a body, unpacked. */
  bodyBytes: 4_000_000,
  /** Records in a pulled page; a page ends earlier where it has enough bytes. */
  pullRecords: 500,
  pullBytes: 4_000_000,
} as const

/** The parts that requests and answers are made of. */
export const count = z.number().int().nonnegative()
export const name = z.string().min(1).max(256)
export const id = z.string().min(1)

/** Whatever `JSON.parse` gave. Not looked at here: `z.json()` walks it, at 0.5 µs a part, and runs out of stack where it is deep. */
const json = z.custom<unknown>((value) => value !== undefined, 'Expected a JSON value')

/** A value: itself where JSON has it, else packed (`devalue`): Dates, Maps, BigInts, `undefined`, bytes. See `wire-value.ts`. */
export const WireValue = z.union([z.object({ json }), z.object({ packed: z.string() })])
export type WireValue = z.output<typeof WireValue>

export const Place = z.object({
  /** Random id of the server's log of this space. Another one: it was restored from a backup, or made anew. */
  epoch: id,
  /** Number of its last record. */
  head: count,
})
export type Place = z.output<typeof Place>

export const ConnectAnswer = z.object({
  protocol: z.object({ oldest: count, newest: count }),
  place: Place,
  /** The highest sequence processed of this client, and its Command's id; null where the server knows none. */
  client: z.object({ sequence: count, commandId: id }).nullable(),
  /** The server's clock: ms since 1970. */
  now: z.number(),
  limits: z.object({ pushCommands: count, bodyBytes: count, pullRecords: count }),
})
export type ConnectAnswer = z.output<typeof ConnectAnswer>

export const WireOutcome = z.union([
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), refusal: name, details: WireValue }),
])
export type WireOutcome = z.output<typeof WireOutcome>

/** Refusals that only a server gives, with what stands in their `details`. Such a Command is processed, like any other. */
export const serverRefusals = {
  /** `message`, `issues?`: the payload (or the id of the Aggregate) no longer fits what this server's build declares. */
  invalidCommand: 'invalidCommand',
  /** Nothing: a handler threw. The server's log says where. */
  decideFailed: 'decideFailed',
  /** `reason`: the principal may not give this Command, or not as this actor. */
  unauthorized: 'unauthorized',
  /** Nothing: a `$timer` that the server's own state does not hold, or holds for later. */
  noSuchTimer: 'noSuchTimer',
  /** Nothing: a `$resume` of an instance that is not parked in the server's own state. */
  notParked: 'notParked',
} as const
export type ServerRefusal = keyof typeof serverRefusals

/** The id under which a place stands whose Command was withdrawn before it was ever sent. */
export const withdrawnId = (clientId: string, sequence: number): string => `withdrawn.${clientId}.${sequence}`

export const PushAnswer = z.object({
  place: Place,
  /** One for each Command that is processed by now, in the order pushed; Commands behind the last one wait. */
  processed: z.array(z.object({ sequence: count, commandId: id, record: count, outcome: WireOutcome })),
  /** The first Command that this server cannot process, because it is older than the app. Those behind it wait as well. */
  held: z.object({ sequence: count, type: name }).nullable(),
})
export type PushAnswer = z.output<typeof PushAnswer>

export const ProcessedCommand = z.object({
  id,
  type: name,
  schema: count,
  aggregateId: z.string().optional(),
  /** Only of the asking client's own Commands. */
  payload: WireValue.optional(),
  at: z.number(),
  actor: z.string().optional(),
  correlationId: id,
  causationId: id.optional(),
  /** Index in `commands` of the root it follows from; absent on roots. */
  root: count.optional(),
  outcome: WireOutcome,
  /** Of roots that a client pushed. */
  clientId: name.optional(),
  sequence: count.optional(),
  receivedAt: z.number().optional(),
  /** It was processed before, in this record, under another sequence: this one has no effect, and that one's outcome. */
  duplicateOf: count.optional(),
  /** It was withdrawn before it was ever sent. */
  withdrawn: z.literal(true).optional(),
})
export type ProcessedCommand = z.output<typeof ProcessedCommand>

export const ProcessedEvent = z.object({
  type: name,
  schema: count,
  aggregateId: id,
  version: count.min(1),
  /** Index in `commands`. */
  command: count,
  ordinal: count,
  data: WireValue,
})
export type ProcessedEvent = z.output<typeof ProcessedEvent>

/**
 * A record of the server's log: outcomes and Events of Commands that were committed together. Never cut apart. What other
 * clients asked for without effect (refused, withdrawn, a duplicate) is left out; a record of which nothing is left still moves
 * the cursor.
 */
export const ProcessedRecord = z.object({
  number: count.min(1),
  at: z.number(),
  /** Place of its first Event in the server's order. */
  serverPosition: count.min(1),
  commands: z.array(ProcessedCommand),
  events: z.array(ProcessedEvent),
  parked: z.array(z.object({ manager: name, key: z.string(), position: count, error: z.string() })).optional(),
})
export type ProcessedRecord = z.output<typeof ProcessedRecord>

export const PullAnswer = z.object({
  place: Place,
  records: z.array(ProcessedRecord),
  /** True where the log goes on behind these. */
  more: z.boolean(),
})
export type PullAnswer = z.output<typeof PullAnswer>

/** `data` of each Server-Sent Event; also sent once at the start. */
export const Change = Place
export type Change = Place

/** HTTP status of each code, and what a client does then. */
export const errorCodes = {
  /** The body is not what this page says. Nothing was stored; a client of this build never gets it. */
  'bad-request': 400,
  /** No token, a bad one, or one of another principal than the body names. Sync pauses until there is a new token. */
  'unauthenticated': 401,
  /** The principal may not use this space. Sync pauses. */
  'forbidden': 403,
  'not-found': 404,
  'method': 405,
  /** This sequence is known with another Command (`commandId`): connect again, under a new client id. */
  'fork': 409,
  /** Sequences are missing before this one (`expected`): push from there. */
  'gap': 409,
  /** The epoch is another one: the server was restored. Sync stops. */
  'restored': 409,
  /** The body is larger than the limit, packed or unpacked: send less at once. */
  'too-large': 413,
  'media-type': 415,
  /** Client or server is too old (`oldest`, `newest`). Sync stops; both go on by themselves. */
  'protocol': 426,
  /** Too many requests or listeners: wait as long as `Retry-After` says. */
  'rate': 429,
  'internal': 500,
  /** Shutting down or starting: try again. */
  'unavailable': 503,
} as const
export type SyncErrorCode = keyof typeof errorCodes

export const ErrorAnswer = z.object({
  error: z.object({
    code: z.string(),
    /** For people. */
    message: z.string(),
    sequence: count.optional(),
    commandId: id.optional(),
    expected: count.optional(),
    oldest: count.optional(),
    newest: count.optional(),
  }),
})
export type ErrorAnswer = z.output<typeof ErrorAnswer>
