/** Reads a sync server's log over HTTP, as any device can, and what became of each Command in it. */
import type { RecordedEvent } from '../../../src/domain/recorded-event.ts'
import { ConnectAnswer, PROTOCOL, type ProcessedCommand, type ProcessedRecord, PullAnswer } from '../../../src/sync/protocol.ts'
import { fromWire } from '../../../src/sync/wire-value.ts'

export interface ServerLog {
  /** In the server's order, its places as positions. */
  readonly events: readonly RecordedEvent[]
  /** Every Command that clients pushed, and all that followed, as often as it was processed; also those without effect. */
  readonly commands: readonly ProcessedCommand[]
  /** Clients that pushed, in order of their first Command with an effect. */
  readonly clients: readonly string[]
}

/** @param principals all who pushed; only they are told of their own Commands without effect */
export async function readServerLog(url: string, principals: readonly string[], space = 'hall-7'): Promise<ServerLog> {
  const records = await pullAll(url, space, principals[0] as string, 'reader')
  const clients = new Map<string, string>()
  for (const { clientId, actor } of records.flatMap(({ commands }) => commands)) if (clientId && actor) clients.set(clientId, actor)
  const commands = new Map<string, ProcessedCommand>()
  const add = (record: ProcessedRecord): void =>
    record.commands.forEach((command) => commands.set(`${record.number} ${command.clientId} ${command.sequence} ${command.id}`, command))
  records.forEach(add)
  for (const [clientId, principal] of clients) (await pullAll(url, space, principal, clientId)).forEach(add)
  return { commands: [...commands.values()], clients: [...clients.keys()], events: records.flatMap(eventsOf) }
}

function eventsOf({ commands, events, serverPosition }: ProcessedRecord): readonly RecordedEvent[] {
  return events.map(({ command, ordinal, data, ...event }, i) => {
    const { id, at, actor, correlationId, causationId } = commands[command] as ProcessedCommand
    return {
      id: `${id}.${ordinal}`,
      type: event.type,
      aggregateId: event.aggregateId,
      version: event.version,
      position: serverPosition + i,
      data: fromWire(data),
      at,
      actor,
      commandId: id,
      correlationId,
      causationId,
    }
  })
}

async function pullAll(url: string, space: string, principal: string, clientId: string): Promise<readonly ProcessedRecord[]> {
  const ask = async (route: string, body: object): Promise<unknown> => {
    const response = await fetch(`${url}/${space}/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'authorization': `Bearer ${principal}` },
      body: JSON.stringify({ protocol: PROTOCOL, clientId, principal, ...body }),
    })
    if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const { epoch } = ConnectAnswer.parse(await ask('connect', {})).place
  const records: ProcessedRecord[] = []
  for (;;) {
    const answer = PullAnswer.parse(await ask('pull', { epoch, after: records.at(-1)?.number ?? 0 }))
    records.push(...answer.records)
    if (!answer.more) return records
  }
}

/** Resolves when the log has grown, as listeners are told. */
export async function untilGrown(url: string, principal: string, space = 'hall-7'): Promise<void> {
  const ended = new AbortController()
  const response = await fetch(`${url}/${space}/changes`, { headers: { authorization: `Bearer ${principal}` }, signal: ended.signal })
  if (!response.ok || !response.body) throw new Error(`changes: ${response.status} ${await response.text()}`)
  // One when it begins, one for each time that it has grown.
  let heard = ''
  const text = new TextDecoder()
  for await (const piece of response.body) {
    heard += text.decode(piece as Uint8Array, { stream: true })
    if (heard.split('data:').length > 2) break
  }
  ended.abort()
}
