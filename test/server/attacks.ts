/** Requests that nobody sends who means well, and what must hold after each of them. */
import { gzipSync } from 'node:zlib'
import { aggregate, domain, processManager } from 'outpost'
import { createMemoryStorage } from 'outpost/testing'
import fc from 'fast-check'
import { expect } from 'vitest'
import { z } from 'zod'
import type { LogRecord } from '../../src/storage/record.ts'
import { ErrorAnswer, errorCodes, PROTOCOL, PushAnswer, type SyncErrorCode } from '../../src/sync/protocol.ts'
import { command, Device, send, startServer, type Sent } from '../support/sync-server.ts'

/** Only who knows the word makes an Event here: no attack does by chance. */
const vault = aggregate('vault', {
  state: z.object({ opened: z.number() }),
  events: { opened: z.object({}) },
  commands: { open: z.object({ word: z.literal('sesame') }) },
  create: { opened: () => ({ opened: 1 }) },
  evolve: { opened: (state) => ({ opened: state.opened + 1 }) },
  decide: { open: (_, __, { emit }) => emit.opened({}) },
})
const guard = processManager('guard', {
  version: 1,
  state: z.object({}),
  from: [vault],
  on: {
    'vault.opened': {
      key: (event) => event.aggregateId,
      handle: () => ({ state: {}, timers: [{ timer: 'close', afterMs: 1e12 }] }),
    },
  },
  timers: { close: () => ({ state: undefined }) },
})
const vaults = domain('vaults', { aggregates: [vault], processManagers: [guard] })

export interface Attack {
  readonly path: string
  readonly sent: Sent
}

/** What a stranger may have seen of the running server. */
interface Known {
  readonly epoch: string
}

const oddNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '\u0000',
  '\uD800',
  'a'.repeat(300),
  '../..',
  '%',
  '$',
  '🙂',
]
const oddName = fc.oneof(fc.constantFrom(...oddNames), fc.string({ unit: 'binary', maxLength: 20 }))
const oddValue = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom<unknown>(null, -1, 0, 1.5, 1e308, 2 ** 53, '', 'x'.repeat(2000), [], {}, [[]], true),
  oddName,
)
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

const own = fc.record({
  manager: fc.constantFrom('guard', 'guard', 'constructor'),
  key: fc.constant('v'),
  name: fc.constantFrom('close', 'constructor'),
  dueAt: fc.constantFrom(0, 1e12),
  setBy: oddName,
})
const payload = fc.oneof(
  own.map((json) => ({ json })),
  fc.record({ json: oddValue }),
  fc.record({
    packed: fc.oneof(
      fc.string({ unit: 'binary' }),
      oddValue.map((value) => JSON.stringify(value)),
    ),
  }),
  fc.constantFrom(
    { json: JSON.parse('{"__proto__":{"word":"sesame"},"constructor":{"prototype":{"word":"sesame"}}}') as unknown },
    { packed: '[{"__proto__":1},{"word":2},"sesame"]' },
    { packed: '[[0]]' },
    { packed: '[[1,1,1,1],[2,2,2,2],[3,3,3,3],[4,4,4,4],[5,5,5,5],[6,6,6,6],[7,7,7,7],[8,8,8,8],[9,9,9,9],[10,10,10,10],"x"]' },
    { packed: '[[-7,4294967295,0,1],1]' },
    { packed: '[["Map",1,1],[["Set",0]]]' },
    { packed: `[["BigInt","${'9'.repeat(5000)}"]]` },
    { packed: '[["RegExp","(a+)+$"]]' },
    { packed: '[["Uint8Array",1],["ArrayBuffer","!!!"]]' },
    { json: JSON.parse(nested(1000)) as unknown },
    { json: 1, packed: 'both' },
    {},
  ),
)
const type = fc.oneof(
  fc.constant('vault.open'),
  fc.constantFrom(
    '$timer',
    '$resume',
    'vault.open',
    '$timer',
    '$resume',
    'vault.nothing',
    'vault',
    'vault.__proto__',
    '__proto__',
    '$withdrawn',
  ),
  oddName,
)
const hostileCommand = fc.record(
  {
    id: fc.oneof({ weight: 19, arbitrary: fc.uuid() }, oddName),
    type,
    schema: fc.constantFrom(1, 1, 1, 2, 1e9),
    aggregateId: fc.oneof({ weight: 9, arbitrary: fc.constant('v') }, oddName),
    payload,
    at: fc.constantFrom(0, -1e300, 8.64e15),
    actor: fc.oneof({ weight: 4, arbitrary: fc.constant('mallory') }, oddName),
    correlationId: fc.constant('c'),
  },
  { requiredKeys: ['id', 'type', 'schema', 'payload', 'at', 'correlationId'] },
)

const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

/** Once in so many times. */
const sometimes = <T>(oneIn: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const senderOf = (principal: string, clientId: string) => ({ protocol: PROTOCOL, clientId, principal })

/** A body that would do, of a client whose next sequence nobody knows. */
const goodBody = (known: Known) =>
  fc.oneof(
    fc.constant({ route: 'connect', body: senderOf('mallory', 'm-1') as object }),
    fc.constant({ route: 'pull', body: { ...senderOf('mallory', 'm-1'), epoch: known.epoch, after: 0 } as object }),
    fc
      .tuple(fc.constantFrom(1, 1, 1, 2, 3), fc.nat(9999), fc.array(hostileCommand, { minLength: 1, maxLength: 4 }))
      .map(([from, client, commands]) => ({
        route: 'push',
        body: {
          ...senderOf('mallory', `m-${client}`),
          epoch: known.epoch,
          waiting: 0,
          commands: commands.map((each, i) => ({ sequence: from + i, command: each })),
          events: [{ type: 'vault.opened', aggregateId: 'v', version: 1, data: {} }],
        },
      })),
    // Another Command in a place that is taken.
    hostileCommand.map((each) => ({
      route: 'push',
      body: { ...senderOf('mallory', 'm-0'), epoch: known.epoch, waiting: 0, commands: [{ sequence: 1, command: each }] },
    })),
  )

/** One place of a body replaced by something else, or taken out. */
function spoiled(body: object, places: readonly number[], value: unknown): unknown {
  const copy = structuredClone(body) as Record<string, unknown>
  let at = copy
  for (const place of places) {
    const keys = Object.keys(at)
    const key = keys[place % Math.max(1, keys.length)]
    if (key === undefined) break
    const next = at[key]
    if (typeof next === 'object' && next !== null && place % 3 !== 0) at = next as Record<string, unknown>
    else {
      if (value === undefined) delete at[key]
      else at[key] = value
      break
    }
  }
  return copy
}

const bombs = [
  gzipSync(Buffer.alloc(20_000_000, 0x20)),
  gzipSync(gzipSync(Buffer.alloc(1_000_000))),
  gzipSync(`{"protocol":1,"x":"${'y'.repeat(3_000_000)}"}`).subarray(0, -9),
  gzipSync(nested(100_000)),
].map((bytes) => new Uint8Array(bytes))

export function attacks(known: Known): fc.Arbitrary<Attack> {
  const route = fc.constantFrom('connect', 'push', 'pull', 'changes', 'else', '')
  const space = mostly('of-mallory', 'of-ann', '%00', '%E0%A4%A', '__proto__')
  const token = mostly<string | undefined>('mallory', undefined, 'an ill-formed one')
  const spoiling = sometimes(2, fc.tuple(fc.array(fc.nat(50), { minLength: 1, maxLength: 6 }), fc.oneof(oddValue, fc.constant(undefined))))

  const envelopes = fc
    .tuple(goodBody(known), spoiling, space, token, sometimes(8, fc.nat(200)))
    .map(([{ route: to, body }, spoil, where, who, cut]): Attack => {
      const text = JSON.stringify(spoil ? spoiled(body, ...spoil) : body)
      return { path: `/${where}/${to}`, sent: { token: who, body: cut === undefined ? text : text.slice(0, cut) } }
    })
  const raw = fc
    .tuple(
      space,
      route,
      fc.constantFrom('POST', 'PUT', 'DELETE', 'PATCH', 'GET'),
      token,
      fc.uint8Array({ maxLength: 300 }),
      fc.dictionary(
        fc.constantFrom('content-encoding', 'content-type', 'content-length', 'accept-encoding', 'origin'),
        fc.constantFrom('gzip', 'application/json', '99999999999', '-1', 'NaN', 'x'),
      ),
    )
    .filter(([, to, method]) => !(to === 'changes' && method === 'GET'))
    .map(([where, to, method, who, bytes, headers]): Attack => ({
      path: `/${where}/${to}`,
      sent: { method, token: who, headers, ...(method === 'GET' ? {} : { body: new Uint8Array(bytes) }) },
    }))
  const bombed = fc
    .tuple(fc.constantFrom(...bombs), route, token)
    .map(([body, to, who]): Attack => ({ path: `/of-mallory/${to}`, sent: { token: who, headers: { 'content-encoding': 'gzip' }, body } }))
  return fc.oneof({ weight: 12, arbitrary: envelopes }, { weight: 4, arbitrary: raw }, { weight: 1, arbitrary: bombed })
}

/** What came of the attacks, so that a test can show that they were of all kinds. */
export interface Siege {
  readonly answers: ReadonlyMap<string, number>
  readonly refusals: ReadonlyMap<string, number>
}

/**
 * Besieges a server with so many requests, and shows after each that it is answered as the protocol says, and at the end that
 * the server lives and holds nothing but what it held before, and the refusals that it told of.
 *
 * @param seed of the requests; others each time unless told
 */
export async function besiege(requests: number, seed?: number): Promise<Siege> {
  const storage = createMemoryStorage()
  const server = startServer({
    domain: vaults,
    storage,
    access: (principal, space) => space === `of-${principal}`,
    limits: { bodyBytes: 1_000_000 },
  })
  const ann = new Device(server, { space: 'of-ann' })
  const mallory = new Device(server, { space: 'of-mallory', principal: 'mallory', clientId: 'm-0' })
  await ann.push([command('vault.open', 'v', { word: 'sesame' })])
  await mallory.push([command('vault.open', 'v', { word: 'sesame' })])
  const recordsOf = async (space: string): Promise<readonly LogRecord[]> => {
    const log = await storage.openLog(`vaults.${space}.log`)
    const records = await log.events.read(0, Infinity)
    log.close()
    return records
  }
  const annBefore = await recordsOf('of-ann')
  const eventsBefore = (await recordsOf('of-mallory')).flatMap(({ events }) => events)

  const told = new Map<string, string>()
  const answers = new Map<string, number>()
  const refusals = new Map<string, number>()
  const count = (of: Map<string, number>, key: string): void => void of.set(key, (of.get(key) ?? 0) + 1)
  const check = async ({ path, sent }: Attack): Promise<void> => {
    const { status, body } = await send(server, path, sent)
    if (status === 200) {
      count(answers, '200')
      const push = PushAnswer.safeParse(body)
      if (path.endsWith('/push')) expect(push.success).toBe(true)
      const clientId = typeof sent.body === 'string' ? (JSON.parse(sent.body) as { clientId: string }).clientId : ''
      for (const { sequence, commandId, outcome } of push.data?.processed ?? []) {
        told.set(JSON.stringify([clientId, sequence]), commandId)
        if (!outcome.ok) count(refusals, outcome.refusal)
      }
      return
    }
    const { error } = ErrorAnswer.parse(body)
    expect(status).toBe(errorCodes[error.code as SyncErrorCode])
    expect(status).toBeLessThan(500)
    expect(error.message).not.toMatch(/ at .*:\d+:\d+|node_modules|\.ts\b/)
    count(answers, error.code)
  }
  await fc.assert(fc.asyncProperty(attacks({ epoch: mallory.epoch }), check), {
    numRuns: requests,
    endOnFailure: true,
    ...(seed !== undefined && { seed }),
  })

  expect(await recordsOf('of-ann')).toEqual(annBefore)
  const after = await recordsOf('of-mallory')
  expect(after.flatMap(({ events }) => events)).toEqual(eventsBefore)
  const stored = new Map(
    after
      .slice(1)
      .flatMap(({ commands }) => commands)
      .map(({ id, origin }) => [JSON.stringify([origin?.clientId, origin?.sequence]), id]),
  )
  expect(stored).toEqual(told)
  expect((await storage.list('')).filter((name) => name.endsWith('.log')).sort()).toEqual(['vaults.of-ann.log', 'vaults.of-mallory.log'])
  expect(({} as { word?: unknown }).word).toBeUndefined()
  expect(await ann.give('vault.open', 'v', { word: 'sesame' })).toBe('ok')
  // Attacks may have taken the next places of this client, which is its own affair.
  mallory.sequence = (await mallory.connect()).client?.sequence ?? 0
  expect(await mallory.give('vault.open', 'v', { word: 'sesame' })).toBe('ok')
  return { answers, refusals }
}
