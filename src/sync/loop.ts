/**
 * Keeps a log and a server's log together, as long as this tab has the role. One request at a time:
 *
 *     ──▶ connecting ──▶ pushing ⇄ pulling ──▶ listening      all is up to date, or a Command is held
 *           ▲    ▲          └─────────┴─────────────┤
 *           │    └──── the change notice ended ─────┤
 *           │                                       ▼ a fault
 *           └───── time, or a ring that ends it ── waiting    `after-fault.ts`: for how long, and as what it is told
 *
 *     pulling ──▶ outdated      this build cannot decide what pends: the role is given up
 *
 * A round pushes what pended when it began, to the end; then it pulls. Nothing but an applied slice of the server's log ever
 * ends a Command.
 */
import { messageOf } from '../errors.ts'
import { sooner, type Wait, waitAfter } from './after-fault.ts'
import { ChangeNotice } from './change-notice.ts'
import { Connection, RoleLost } from './connection.ts'
import { Doorbell, type Ring } from './doorbell.ts'
import type { SyncEnvironment } from './environment.ts'
import { SyncFault } from './fault.ts'
import { Puller } from './puller.ts'
import { Pusher } from './pusher.ts'
import type { SyncState } from './status.ts'
import type { SyncedLog } from './synced-log.ts'
import type { Tokens } from './tokens.ts'
import type { Transport } from './transport.ts'

type State =
  /** `quietly`: only to look; until that fails, what was told before stays true. */
  | { readonly at: 'connecting'; readonly quietly?: true }
  /** Up to the sequence that was the last one when the round began. */
  | { readonly at: 'pushing'; readonly until: number }
  | { readonly at: 'pulling' | 'listening' | 'outdated' }
  | ({ readonly at: 'waiting' } & Wait)

export interface LoopOptions {
  readonly log: SyncedLog
  readonly transport: Transport
  readonly tokens: Tokens
  readonly environment: SyncEnvironment
  /** False where another tab has the role by now, whatever this one believes: asked before anything that leaves a trace. */
  readonly holdsRole: () => Promise<boolean>
  readonly tell: (state: SyncState) => void
  /** Hears of what no fault of network or server explains. */
  readonly report: (thrown: unknown) => void
}

/**
 * Commands given one after another go together. The more a round took, the longer the next one waits for more of them: who
 * gives them shares the device with it. Nobody on another device notices so little.
 */
const gatherLeastMs = 50
const gatherMostMs = 500
const gatherRounds = 4
/** Without news for so long it is looked whether there are any: a server that forgot to tell is found out. */
const doubtMs = 600_000

const connecting: State = { at: 'connecting' }
const looking: State = { at: 'connecting', quietly: true }

export class Loop {
  readonly #options: LoopOptions
  readonly #bell: Doorbell
  readonly #notice: ChangeNotice
  readonly #connection: Connection
  readonly #pusher: Pusher
  readonly #puller: Puller
  #inFlight = new AbortController()
  /** In a row, without anything that went on between them. */
  #failures = 0
  /** Commands pushed and records pulled, since it was last up to date. */
  #done = 0
  /** When the round began that is under way. */
  #roundSince: number | undefined
  #roundTookMs = 0

  constructor(options: LoopOptions) {
    const { log, transport, environment, holdsRole } = options
    this.#options = options
    this.#bell = new Doorbell(environment.later)
    this.#notice = new ChangeNotice(transport, environment, () => this.#bell.ring('notice'))
    this.#connection = new Connection(log, transport, environment.randomId, holdsRole)
    this.#pusher = new Pusher(log, transport, this.#connection, environment)
    this.#puller = new Puller(log, transport, this.#connection, environment)
  }

  /** Something happened that may be worth another try. */
  ring(ring: Ring): void {
    if (ring === 'now') this.#options.tokens.forgive()
    if (ring === 'now' || ring === 'visible') this.#pusher.retryHeld()
    if (ring === 'online' || ring === 'woke') {
      // What is under way has lost its connection, and would find out only when its deadline is over.
      this.#notice.close()
      this.#inFlight.abort()
      this.#inFlight = new AbortController()
    }
    this.#bell.ring(ring)
  }

  /** Runs until the signal fires. @returns why it ended; `lost` also where another tab has the role */
  async run(signal: AbortSignal): Promise<'lost' | 'outdated'> {
    const { log } = this.#options
    const end = (): void => this.#inFlight.abort()
    const changed = log.changed$.subscribe(() => this.#bell.ring('log'))
    this.#inFlight = new AbortController()
    this.#failures = this.#done = 0
    signal.addEventListener('abort', end)
    try {
      let state: State = connecting
      while (!signal.aborted && state.at !== 'outdated') {
        this.#tell(state)
        try {
          state = await this.#from(state, signal)
        } catch (thrown) {
          if (signal.aborted || thrown instanceof RoleLost) return 'lost'
          state = await this.#after(thrown)
        }
      }
      return state.at === 'outdated' ? 'outdated' : 'lost'
    } finally {
      signal.removeEventListener('abort', end)
      changed.unsubscribe()
      this.#notice.close()
    }
  }

  async #from(state: State, signal: AbortSignal): Promise<State> {
    switch (state.at) {
      case 'connecting':
        await this.#connection.connect(this.#inFlight.signal)
        return this.#next()
      case 'pushing':
        this.#wentOn(await this.#pusher.push(this.#inFlight.signal))
        if (!this.#isConnected) return connecting
        return this.#pusher.held || this.#connection.pushed >= state.until ? { at: 'pulling' } : state
      case 'pulling': {
        const { staged } = this.#puller
        const pulled = await this.#puller.pull(this.#inFlight.signal)
        this.#wentOn(this.#puller.staged - staged)
        if (pulled === 'outdated') return { at: 'outdated' }
        if (pulled === 'more' && this.#isConnected) return state
        this.#endRound()
        return this.#gather(this.#next(), signal)
      }
      case 'listening':
        return this.#listen(signal)
      case 'waiting':
        await this.#bell.wait(state.ms, state.endedBy, signal)
        return connecting
      case 'outdated':
        return state
    }
  }

  get #isConnected(): boolean {
    return this.#connection.isOf(this.#options.log.state.cursor)
  }

  /** What there is to do now. */
  #next(): State {
    if (!this.#isConnected) return connecting
    const now = this.#options.environment.now()
    const { toPush, toPull } = this.#connection.open
    const { held } = this.#pusher
    if (toPush > 0 && now >= (held?.retryAt ?? 0)) {
      const { cursor, pending } = this.#options.log.state
      return { at: 'pushing', until: (cursor?.sequence ?? 0) + pending }
    }
    return { at: toPull > 0 && now >= this.#puller.notBefore ? 'pulling' : 'listening' }
  }

  #endRound(): void {
    if (this.#roundSince !== undefined) this.#roundTookMs = this.#options.environment.now() - this.#roundSince
    this.#roundSince = undefined
  }

  async #gather(next: State, signal: AbortSignal): Promise<State> {
    if (next.at !== 'pushing') return next
    await this.#bell.wait(Math.min(gatherMostMs, Math.max(gatherLeastMs, gatherRounds * this.#roundTookMs)), ['now'], signal)
    this.#roundSince = this.#options.environment.now()
    return this.#next()
  }

  async #listen(signal: AbortSignal): Promise<State> {
    const { log, environment } = this.#options
    const { now } = environment
    this.#failures = this.#done = 0
    this.#notice.open()
    const since = now()
    for (;;) {
      const { cursor } = log.state
      const { place, isOpen, hasEnded } = this.#notice
      if (hasEnded || (place && place.epoch !== cursor?.epoch)) return looking
      this.#connection.head = Math.max(this.#connection.head, place?.head ?? 0)
      const next = await this.#gather(this.#next(), signal)
      if (next.at !== 'listening' || signal.aborted) return next

      const until = Math.min(
        // Opening it again begins with connecting, and so tells what there is without one, too.
        isOpen ? since + doubtMs : this.#notice.reopenAt,
        this.#pusher.held?.retryAt ?? Infinity,
        this.#connection.open.toPull > 0 ? this.#puller.notBefore : Infinity,
      )
      const ring = await this.#bell.wait(until - now(), ['log', 'notice', 'offline', ...sooner], signal)
      // Whether the way to the server is still there shows when it is asked.
      if (ring === 'time' ? !isOpen || now() - since >= doubtMs : ring !== 'log' && ring !== 'notice') return looking
    }
  }

  async #after(thrown: unknown): Promise<State> {
    const { environment, report } = this.#options
    this.#notice.close()
    const isFault = thrown instanceof SyncFault
    if (!isFault) report(thrown)
    const fault = isFault ? thrown : new SyncFault('internal', `Sync failed on this device: ${messageOf(thrown)}`)
    if (fault.code === 'interrupted') return connecting
    this.#failures++
    if (fault.code === 'protocol' && this.#connection.speaks(fault.details)) return connecting
    if (fault.code === 'fork') {
      try {
        await this.#connection.rename()
      } catch (failed) {
        if (failed instanceof RoleLost) throw failed
        return this.#after(failed)
      }
    }
    // Connecting finds out how it stands; a server that says so again and again is not hurried.
    if ((fault.code === 'fork' || fault.code === 'gap') && this.#failures === 1) return connecting
    return { at: 'waiting', ...waitAfter(fault, this.#failures, environment.random(), environment.now()) }
  }

  #wentOn(steps: number): void {
    if (steps <= 0) return
    this.#failures = 0
    this.#done += steps
  }

  #tell(state: State): void {
    const { tell } = this.#options
    switch (state.at) {
      case 'connecting':
        return state.quietly ? undefined : tell({ state: 'connecting' })
      case 'pushing':
      case 'pulling': {
        const { toPush, toPull } = this.#connection.open
        return tell({ state: 'syncing', done: this.#done, of: this.#done + toPush + Math.max(0, toPull - this.#puller.staged) })
      }
      case 'listening':
        return tell(this.#pusher.held ? { state: 'held', ...this.#pusher.held } : { state: 'upToDate' })
      case 'waiting':
        return tell(state.told)
      case 'outdated':
        return undefined
    }
  }
}
