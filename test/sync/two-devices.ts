/** Devices and a server in this thread, without a network: the server decides what is pushed by an engine of its own. */
import type { AnyDomain } from '../../src/domain/infer.ts'
import type { CommandMessage } from '../../src/engine/engine.ts'
import { isOutpostError } from '../../src/errors.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { LogRecord, SyncCursor } from '../../src/storage/record.ts'
import { EngineLog } from '../../src/sync/engine-log.ts'
import type { ProcessedRecord } from '../../src/sync/protocol.ts'
import type { PushedCommand } from '../../src/sync/requests.ts'
import { fromWire, toWire } from '../../src/sync/wire-value.ts'
import { stock } from '../fixtures/stock.ts'
import { type OpenOptions, openEngine } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

export class SmallServer {
  readonly #engine: Engine
  readonly #origins = new Map<string, { clientId: string; sequence: number; withdrawn: boolean }>()

  private constructor(engine: Engine) {
    this.#engine = engine
  }

  static async open(domain: AnyDomain = stock): Promise<SmallServer> {
    return new SmallServer(await openEngine(createMemoryStorage(), { domain }))
  }

  get engine(): Engine {
    return this.#engine
  }

  async push(clientId: string, commands: readonly PushedCommand[]): Promise<void> {
    for (const { sequence, command } of commands) {
      const id = command?.id ?? `withdrawn ${clientId} ${sequence}`
      this.#origins.set(id, { clientId, sequence, withdrawn: command === null })
      if (!command) {
        // Something that comes to nothing, in its place.
        await this.#engine.dispatch([
          { id, type: 'stockItem.pick', aggregateId: '-', payload: { quantity: 1 }, fresh: false, at: 0, correlationId: id },
        ])[0]
        continue
      }
      const { payload, schema: _, ...rest } = command
      await this.#engine.dispatch([{ ...(rest as CommandMessage), payload: fromWire(payload), fresh: false }])[0]
    }
  }

  async pull(after: number, limit = Infinity): Promise<readonly ProcessedRecord[]> {
    const records = await this.#engine.inside.log.records(after, limit)
    return records.map((record) => this.#processed(record))
  }

  #processed({ number, at, position, commands, events, parked }: LogRecord): ProcessedRecord {
    return {
      number,
      at,
      serverPosition: position,
      commands: commands.map((command) => {
        const { payload: _, outcome, expectedVersion: __, expiresAt: ___, origin: ____, again: _____, ...rest } = command
        const from = this.#origins.get(command.id)
        return {
          ...rest,
          outcome: outcome.ok ? { ok: true as const } : { ok: false as const, refusal: outcome.refusal, details: toWire(outcome.details) },
          ...(from && { clientId: from.clientId, sequence: from.sequence, receivedAt: 0 }),
          ...(from?.withdrawn && { withdrawn: true as const, outcome: { ok: true as const } }),
        } as ProcessedRecord['commands'][number]
      }),
      events: events.map(({ data, sealed: _, ...event }) => ({ ...event, data: toWire(data) })),
      ...(parked && { parked: [...parked] }),
    }
  }
}

export interface Device {
  readonly engine: Engine
  readonly sync: EngineLog
  readonly clientId: string
  /** Pushes all that waits. */
  push(): Promise<void>
  /** Pulls and applies all there is. @param cut records at a time */
  pull(cut?: number): Promise<void>
}

/** A log that lived alone joins, and is opened anew. */
export async function openDevice(
  server: SmallServer,
  clientId: string,
  storage: Storage = createMemoryStorage(),
  options: OpenOptions = {},
): Promise<Device> {
  const engine = await openEngine(storage, options)
  const sync = new EngineLog(engine.inside, () => Promise.resolve())
  if (!sync.state.cursor) {
    try {
      await sync.join({ epoch: 'server', record: 0, clientId, sequence: 0, principal: 'ann' })
    } catch (error) {
      if (isOutpostError(error, 'closed')) return openDevice(server, clientId, storage, options)
      throw error
    }
  }
  const cursor = (): SyncCursor => sync.state.cursor as SyncCursor
  return {
    engine,
    sync,
    clientId,
    async push() {
      const commands = await sync.pending(cursor().sequence, Infinity)
      if (commands.length > 0) await server.push(clientId, await sync.sending(commands))
    },
    async pull(cut = Infinity) {
      for (;;) {
        const records = await server.pull(cursor().record, cut)
        if (records.length === 0) return
        const result = await sync.apply(cursor(), records)
        if (result !== 'applied') throw new Error(result)
      }
    },
  }
}
