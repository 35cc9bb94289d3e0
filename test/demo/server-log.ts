/** What the demo's sync server has of one space, asked for as a device that has nothing asks. */
import { ConnectAnswer, PROTOCOL, type ProcessedCommand, type ProcessedEvent, PullAnswer } from '../../src/sync/protocol.ts'
import { fromWire } from '../../src/sync/wire-value.ts'

export interface ServerCommand extends Omit<ProcessedCommand, 'payload'> {
  readonly record: number
}

export interface ServerEvent extends Omit<ProcessedEvent, 'data'> {
  readonly data: unknown
  readonly commandId: string
  /** Place in the server's order. */
  readonly position: number
}

export interface ServerLog {
  /** In the server's order. */
  readonly commands: readonly ServerCommand[]
  readonly events: readonly ServerEvent[]
}

/** @param url of the demo; ends with a slash */
export async function readServerLog(url: string, space: string): Promise<ServerLog> {
  const sender = { protocol: PROTOCOL, clientId: `reader-${crypto.randomUUID()}`, principal: 'reader' }
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${url}sync/${space}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...sender, ...body }),
    })
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
  const { epoch } = ConnectAnswer.parse(await post('connect', {})).place
  const commands: ServerCommand[] = []
  const events: ServerEvent[] = []
  for (let after = 0, more = true; more;) {
    const answer = PullAnswer.parse(await post('pull', { epoch, after }))
    for (const record of answer.records) {
      after = record.number
      commands.push(...record.commands.map(({ payload: _, ...command }) => ({ ...command, record: record.number })))
      events.push(
        ...record.events.map(({ data, ...event }, i) => ({
          ...event,
          data: fromWire(data),
          commandId: (record.commands[event.command] as ProcessedCommand).id,
          position: record.serverPosition + i,
        })),
      )
    }
    more = answer.more
  }
  return { commands, events }
}
