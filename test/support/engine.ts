/** Engines for tests: in this thread, on a memory storage, with a clock that the test moves. */
import type { AnyDomain } from '../../src/domain/infer.ts'
import { createEngine } from '../../src/engine/create-engine.ts'
import type { CommandMessage, Engine, EngineStatus, Environment } from '../../src/engine/engine.ts'
import type { Outcome } from '../../src/domain/infer.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { stock } from '../fixtures/stock.ts'

let made = 0

/** Roles that only one engine of a storage may hold, as Web Locks would give them. */
export interface Roles {
  readonly held: Map<string, Promise<unknown>>
  open: number
}
export const createRoles = (): Roles => ({ held: new Map(), open: 0 })

export function testEnvironment(clock: TestClock, roles: Roles = createRoles()): Environment {
  return {
    now: clock.now,
    clock: () => performance.now(),
    clockOrigin: performance.timeOrigin,
    randomId: () => `random-${++made}-${Math.random().toString(36).slice(2)}`,
    later: clock.later,
    alone: () => Promise.resolve(roles.open <= 1),
    async exclusive(name, work, signal) {
      const before = roles.held.get(name) ?? Promise.resolve()
      const mine = before.then(() => (signal.aborted ? undefined : work(signal)))
      roles.held.set(
        name,
        mine.catch(() => undefined),
      )
      await mine
    },
  }
}

export interface OpenOptions {
  readonly domain?: AnyDomain
  readonly clock?: TestClock
  readonly roles?: Roles
  readonly principal?: string
  /** More of its surroundings. */
  readonly environment?: Partial<Environment>
}

export function openEngine(
  storage: Storage,
  { domain = stock, clock = createTestClock(), roles, principal = 'ann', environment }: OpenOptions = {},
): ReturnType<typeof createEngine> {
  return createEngine({ domain, storage, space: 'hall-7', principal, environment: { ...testEnvironment(clock, roles), ...environment } })
}

/** A Command as a client would send it; the id is fresh unless one is given. */
export function message(
  type: string,
  aggregateId: string | undefined,
  payload: unknown,
  extra: Partial<CommandMessage> = {},
): CommandMessage {
  const id = extra.id ?? `command-${++made}`
  return {
    type,
    ...(aggregateId === undefined ? {} : { aggregateId }),
    payload,
    id,
    fresh: extra.id === undefined,
    at: 1_000,
    correlationId: id,
    actor: 'ann',
    ...extra,
  }
}

/** Gives one Command and waits for its outcome. */
export function give(
  engine: Engine,
  type: string,
  aggregateId: string | undefined,
  payload: unknown,
  extra?: Partial<CommandMessage>,
): Promise<Outcome> {
  return engine.dispatch([message(type, aggregateId, payload, extra)])[0] as Promise<Outcome>
}

/** All Events of the log. */
export const allEvents = (engine: Engine) => engine.readEvents(0, Infinity)

/** The status as of now. */
export function statusOf(engine: Engine): EngineStatus {
  let last: EngineStatus | undefined
  engine.status$.subscribe((status) => (last = status)).unsubscribe()
  return last as EngineStatus
}

/** Pages of an export's lines, as an import takes them. */
export async function* pagesOf(...pages: readonly (readonly string[])[]): AsyncGenerator<readonly string[]> {
  yield* pages
}
