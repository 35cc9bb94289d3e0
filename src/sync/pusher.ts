/** Sends pending Commands, batch after batch, in order. What comes back only says how far to go on: it ends no Command. */
import type { Connection } from './connection.ts'
import type { SyncEnvironment } from './environment.ts'
import { SyncFault } from './fault.ts'
import { LIMITS, type PushAnswer } from './protocol.ts'
import type { PushedCommand } from './requests.ts'
import type { HeldCommand } from './status.ts'
import type { SyncedLog } from './synced-log.ts'
import type { Transport } from './transport.ts'

/** A held Command is tried again so often. */
const heldMs = 60_000

/** So little that what is too much is tried once in some pushes, not every other time. */
const growth = 1.25

export class Pusher {
  readonly #log: SyncedLog
  readonly #transport: Transport
  readonly #connection: Connection
  readonly #environment: SyncEnvironment
  /** Commands in a push: halved where that is too much for the line or the server, more again where it is not. */
  #batch: number = LIMITS.pushCommands
  /** The first Command that the server cannot take; those behind it wait with it. */
  held: { readonly command: HeldCommand; readonly problem: string; readonly retryAt: number } | undefined

  constructor(log: SyncedLog, transport: Transport, connection: Connection, environment: SyncEnvironment) {
    this.#log = log
    this.#transport = transport
    this.#connection = connection
    this.#environment = environment
  }

  /** @returns how many Commands the server has taken; 0 where the next batch is to be smaller, one is held, or the log has moved */
  async push(signal: AbortSignal): Promise<number> {
    const { cursor, pending } = this.#log.state
    const connection = this.#connection
    if (!connection.isOf(cursor)) return 0
    const from = (connection.pushed = Math.max(connection.pushed, cursor.sequence))
    const { pushCommands, bodyBytes } = connection.limits
    const next = fit(await this.#log.pending(from, Math.min(this.#batch, pushCommands)), bodyBytes)
    const last = next.at(-1)
    if (!last) {
      if (this.#connection.open.toPush > 0) throw new Error(`The log has Commands pending, but gives none after sequence ${from}.`)
      return 0
    }
    await connection.fence()
    const commands = await this.#log.sending(next)
    const waiting = Math.max(0, cursor.sequence + pending - last.sequence)
    let answer: PushAnswer
    try {
      answer = await this.#transport.push({ ...connection.sender(cursor), commands: [...commands], waiting }, signal)
    } catch (thrown) {
      if (!this.#canMend(thrown, commands)) throw thrown
      return 0
    }
    connection.arrived(answer.place, cursor)
    this.#take(answer, commands)
    this.#batch = Math.min(pushCommands, Math.ceil(this.#batch * growth))
    return connection.pushed - from
  }

  #take({ processed, held }: PushAnswer, commands: readonly PushedCommand[]): void {
    const { sequence = 0 } = processed.at(-1) ?? {}
    if (sequence <= this.#connection.pushed && !held)
      throw new SyncFault('internal', `The server has processed none of ${commands.length} Commands from ${commands[0]?.sequence} on.`)
    this.#connection.pushed = Math.max(this.#connection.pushed, sequence)
    this.held = undefined
    if (held) this.#hold(held, `The server knows no Commands of type "${held.type}": it is older than the app. Update it.`)
  }

  /** Where it was too much at once, less is sent next time. */
  #canMend(thrown: unknown, commands: readonly PushedCommand[]): boolean {
    const { code } = thrown instanceof SyncFault ? thrown : {}
    if (code !== 'too-large' && code !== 'timeout') return false
    this.#batch = Math.max(1, commands.length >> 1)
    const [{ sequence, command }] = commands as [PushedCommand]
    if (code === 'too-large' && commands.length === 1) {
      const { type = '', id = '' } = command ?? {}
      this.#hold({ sequence, type }, `Command "${type}" (${id}) is larger than the server takes. Raise its limit.`)
    }
    return code === 'too-large'
  }

  #hold(command: HeldCommand, problem: string): void {
    const { now, random } = this.#environment
    this.held = { command, problem, retryAt: now() + Math.round(heldMs * (0.75 + random() / 2)) }
  }

  retryHeld(): void {
    if (this.held) this.held = { ...this.held, retryAt: 0 }
  }
}

/** As many of them as a body of this size holds; one at least. */
function fit(commands: readonly PushedCommand[], bytes: number): readonly PushedCommand[] {
  // Less what stands around them. Of text that is longer in UTF-8 the server says so, and less is sent.
  let room = bytes - 1000
  const end = commands.findIndex((command, i) => (room -= JSON.stringify(command).length + 1) < 0 && i > 0)
  return end < 0 ? commands : commands.slice(0, end)
}
