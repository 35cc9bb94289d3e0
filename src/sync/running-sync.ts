/** The sync of one log in one tab, as the worker deals with it. */
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { defined } from '../internal/defined.ts'
import { Doorbell } from './doorbell.ts'
import type { SyncEnvironment } from './environment.ts'
import type { CommandRequests } from './inbox-requests.ts'
import { Loop } from './loop.ts'
import { Role } from './role.ts'
import type { SyncRequest, SyncState, SyncStatus } from './status.ts'
import type { SyncedLog } from './synced-log.ts'
import { TabTalk } from './tab-talk.ts'
import { Tokens } from './tokens.ts'
import { createTransport } from './transport.ts'

/** What the worker gives to the sync of a log. */
export interface SyncPlace {
  readonly log: SyncedLog
  /** What can be asked of Commands; absent where only sync itself is looked at. */
  readonly commands?: CommandRequests
  readonly space: string
  /** Begins the names of all that belongs to the log. */
  readonly prefix: string
  /** Asks the page for a token; undefined where it was given no way to one. */
  readonly askPage: () => Promise<string | undefined>
  /** Hears of what nobody awaits. */
  readonly report: (thrown: unknown) => void
}

export interface RunningSync {
  readonly status: SyncStatus
  /** @returns stops listening */
  listen(changed: () => void): () => void
  /** What the page asks for: of sync itself, or of Commands. Rejects for what is neither. */
  request(what: string, ...args: readonly unknown[]): Promise<unknown>
  /** The page is shown, or hidden. Until told, it counts as shown. */
  setVisible(visible: boolean): void
  /** Finishes what is being applied. Works twice. */
  close(): Promise<void>
}

const pausedKey = 'sync.paused'
const lastSyncedKey = 'sync.lastSyncedAt'
/** It need not be kept to the second. */
const lastSyncedEveryMs = 10_000
/** A timer that is late by as much was held up: the device slept, or the tab was frozen. */
const lookMs = 5000
/** How long `outdated` stands, unless the log moves on: a newer tab may have done what this one cannot. */
const outdatedMs = 300_000

export function startSync(
  url: string,
  token: (() => Promise<string>) | undefined,
  environment: SyncEnvironment,
  { log, commands, space, prefix, askPage, report: reportToPage }: SyncPlace,
): RunningSync {
  const closed = new AbortController()
  /** With the log, sync ends; whoever closed it says why, and opens another where there is to be one. */
  const report = (thrown: unknown): void => {
    if (isOutpostError(thrown, 'closed')) closed.abort()
    else reportToPage(thrown)
  }
  const listeners = new Set<() => void>()
  const tokens = new Tokens(token ?? askPage)
  const transport = createTransport(`${url.replace(/\/+$/, '')}/${encodeURIComponent(space)}`, tokens, environment)
  const stepBack = new Doorbell(environment.later)
  let state: SyncState = { state: 'connecting' }
  let lastSyncedAt: number | undefined
  let savedAt = -Infinity
  let paused = false
  /** Ends the loop, not the role. */
  let pausing = new AbortController()
  let outdatedUntil = 0
  let running: Loop | undefined

  const changed = (): void => {
    for (const listener of listeners) listener()
  }
  const tell = (next: SyncState): void => {
    const before = state.state
    state = next
    if (next.state === 'upToDate') {
      lastSyncedAt = environment.now()
      if (lastSyncedAt - savedAt >= lastSyncedEveryMs) {
        savedAt = lastSyncedAt
        log.meta.update(lastSyncedKey, () => savedAt).catch(report)
      }
    }
    if (next.state !== before) beat()
    changed()
  }
  const beat = (): void => talk.say({ kind: 'beat', hidden: !role.isVisible, paused, state, lastSyncedAt })
  /** Until resumed, in every tab and after every start: who paused it is not asked whether he is still there. */
  const setPaused = (now: boolean): void => {
    if (now === paused) return
    paused = now
    pausing.abort()
    if (!now) pausing = new AbortController()
    stepBack.ring('now')
  }
  const request = (what: SyncRequest): void => {
    if (what !== 'now') return setPaused(what === 'pause')
    outdatedUntil = 0
    stepBack.ring('now')
    running?.ring('now')
  }

  const talk = new TabTalk(`${prefix}.sync`, environment, (word) => {
    switch (word.kind) {
      case 'came':
        return role.isHeld ? beat() : undefined
      case 'want':
        return role.heardWant()
      case 'request':
        return request(word.what)
      case 'beat':
        role.heardBeat(word.hidden)
        if (role.isHeld) return undefined
        state = word.state
        lastSyncedAt = word.lastSyncedAt ?? lastSyncedAt
        setPaused(word.paused)
        return changed()
    }
  })

  const role = new Role({
    name: `${prefix}.sync`,
    meta: log.meta,
    environment,
    beat: () => beat(),
    want: () => talk.say({ kind: 'want' }),
    hears: () => talk.hears(),
    report,
    async ready(signal) {
      const ms = outdatedUntil - environment.now()
      if (ms > 0) await stepBack.wait(ms, ['now', 'log'], signal)
    },
    async work(lost) {
      const loop = new Loop({ log, transport, tokens, environment, holdsRole: () => role.holds(), tell, report })
      running = loop
      try {
        while (!lost.aborted) {
          if (paused) {
            tell({ state: 'paused' })
            await stepBack.wait(Infinity, ['now'], lost)
          } else if ((await untilEither([lost, pausing.signal], (signal) => loop.run(signal))) === 'outdated') {
            outdatedUntil = environment.now() + outdatedMs
            const problem = 'A newer build gave or decided Commands in a way unknown to this one. Load the newer app.'
            return tell({ state: 'outdated', problem, retryAt: outdatedUntil })
          } else if (!(await role.holds())) return undefined
        }
      } finally {
        running = undefined
        changed()
      }
    },
  })
  // What is told of the log changes with it; a tab that cannot sync may be able to, once another one has moved the log on.
  let seen = log.state
  const watching = log.changed$.subscribe(() => {
    const { cursor } = seen
    seen = log.state
    if (seen.cursor?.record !== cursor?.record) stepBack.ring('log')
    changed()
  })
  const stopNetwork = environment.onNetwork((online) => running?.ring(online ? 'online' : 'offline'))
  let lookedAt = environment.now()
  let stopLooking = (): void => undefined
  const look = (): void => {
    const late = environment.now() - lookedAt > 2 * lookMs
    lookedAt = environment.now()
    stopLooking = environment.later(lookMs, look)
    if (late) running?.ring('woke')
  }
  look()
  const remember = async (): Promise<void> => {
    const [kept, isPaused] = await Promise.all([log.meta.get(lastSyncedKey), log.meta.get(pausedKey)])
    lastSyncedAt ??= typeof kept === 'number' ? kept : undefined
    if (isPaused) setPaused(true)
    changed()
  }
  talk.say({ kind: 'came' })
  const ended = remember()
    .catch(report)
    .then(() => role.run(closed.signal))
    .catch((thrown: unknown) => report(new Error(`Sync has ended: ${messageOf(thrown)}`, { cause: thrown })))

  return {
    get status() {
      const { pending } = log.state
      // A Command is there before the loop has turned to it: nobody is to read that all is sent while one waits.
      const shown: SyncState = state.state === 'upToDate' && pending > 0 ? { state: 'syncing', done: 0, of: pending } : state
      return {
        ...shown,
        pending,
        here: role.isHeld,
        ...defined({ lastSyncedAt }),
      }
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async request(what, ...args) {
      if (what !== 'pause' && what !== 'resume' && what !== 'now') {
        const ask = commands?.[what as keyof CommandRequests] as ((...given: readonly unknown[]) => Promise<unknown>) | undefined
        if (!ask) throw new OutpostError('unsupported', `Sync knows no "${what}": page and worker differ. Reload.`)
        return ask(...args)
      }
      talk.say({ kind: 'request', what })
      request(what)
      if (what !== 'now') log.meta.update(pausedKey, () => what === 'pause' || undefined).catch(report)
      return undefined
    },
    setVisible(visible) {
      role.setVisible(visible)
      if (visible) running?.ring('visible')
    },
    async close() {
      closed.abort()
      watching.unsubscribe()
      stopNetwork()
      stopLooking()
      await ended
      talk.close()
    },
  }
}

/**
 * Runs under a signal that fires with the first of these. Listeners are taken away by hand: one that is bound to a signal of its
 * own (`addEventListener(…, { signal })`) is held for ever by Node, with all that it reaches.
 */
async function untilEither<T>(signals: readonly AbortSignal[], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const either = new AbortController()
  const end = (): void => either.abort()
  for (const signal of signals) {
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
  }
  try {
    return await work(either.signal)
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', end)
  }
}
