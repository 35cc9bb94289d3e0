/** Commands on their way through the worker: from the page to the engine, and what became of them back. */
import { encodeError } from '../channel/codec.ts'
import { type CommandOnWire, decodeCommand } from '../channel/command-codec.ts'
import type { FromWorker, Settled } from '../channel/protocol.ts'
import type { Engine } from '../engine/engine.ts'

/** Gives Commands to the engine. What is settled in one tick, as all of one commit is, goes out together. */
export function settling(engine: Engine, post: (message: FromWorker) => void): (commands: readonly CommandOnWire[]) => void {
  let settled: Settled[] = []
  const flush = (): void => {
    const told = settled
    settled = [] // first: what comes later is not to wait behind a message that could not be posted
    post({ kind: 'settled', settled: told })
  }
  const tell = (each: Settled): void => {
    if (settled.push(each) === 1) queueMicrotask(flush)
  }
  return (commands) => {
    const now = performance.timeOrigin + performance.now()
    engine.dispatch(commands.map((command) => decodeCommand(command, now))).forEach((outcome, i) => {
      const { call } = commands[i] as CommandOnWire
      outcome.then(
        (outcome) => tell({ call, outcome }),
        (thrown: unknown) => tell({ call, fault: encodeError(thrown) }),
      )
    })
  }
}
