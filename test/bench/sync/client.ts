/** Devices as far as a server can tell: real HTTP, and as little else as can be, since what is measured is the server. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { gunzipSync, gzipSync } from 'node:zlib'
import { assert, type Task } from '../../../demo/src/measure/task.ts'
import { PROTOCOL, type ProcessedRecord, type PullAnswer, type PushAnswer } from '../../../src/sync/protocol.ts'
import type { WireCommand } from '../../../src/sync/requests.ts'

/** Commands in a push, at most. */
const full = 500

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

/** The Command that adds this task, as a device sends it. */
export function addCommand({ id, ...content }: Task, actor: string): WireCommand {
  const commandId = `${actor}.${id}`
  return {
    id: commandId,
    type: 'task.add',
    schema: 1,
    aggregateId: id,
    payload: { json: content },
    at: Date.now(),
    actor,
    correlationId: commandId,
  }
}

export class Client {
  readonly #url: string
  readonly #space: string
  readonly #principal: string
  readonly #clientId: string
  #epoch = ''
  #sequence = 0

  /** @param principal its token as well */
  constructor(url: string, space: string, principal: string) {
    this.#url = url
    this.#space = space
    this.#principal = principal
    this.#clientId = `${principal}.bench`
  }

  async connect(): Promise<void> {
    const { place } = (await this.#post('connect', this.#pack({}))) as { readonly place: { readonly epoch: string } }
    this.#epoch = place.epoch
  }

  /** Makes the bodies of pushes, so many Commands in each: packing them takes no time of the server's. */
  prepare(commands: readonly WireCommand[], aPush = full): Buffer[] {
    const bodies: Buffer[] = []
    for (let from = 0; from < commands.length; from += aPush) {
      const part = commands.slice(from, from + aPush).map((command) => ({ sequence: ++this.#sequence, command }))
      bodies.push(this.#pack({ epoch: this.#epoch, commands: part, waiting: commands.length - from - part.length }))
    }
    return bodies
  }

  /** @returns how many Commands were accepted; that all pushed ones are is for the caller to say */
  async push(body: Buffer): Promise<number> {
    const { processed, held } = (await this.#post('push', body)) as PushAnswer
    assert(held === null, 'The server holds a Command.')
    return processed.filter(({ outcome }) => outcome.ok).length
  }

  /** Connects and gives all of them. */
  async give(commands: readonly WireCommand[]): Promise<void> {
    if (this.#epoch === '') await this.connect()
    let accepted = 0
    for (const body of this.prepare(commands)) accepted += await this.push(body)
    assert(accepted === commands.length, `The server accepted ${accepted} of ${commands.length} Commands.`)
  }

  /** The whole log of the space. */
  async pull(): Promise<readonly ProcessedRecord[]> {
    if (this.#epoch === '') await this.connect()
    const all: ProcessedRecord[] = []
    for (;;) {
      const body = this.#pack({ epoch: this.#epoch, after: all.at(-1)?.number ?? 0 })
      const { records, more } = (await this.#post('pull', body)) as PullAnswer
      all.push(...records)
      if (!more) return all
    }
  }

  /** Listens for change notices, of which one comes at once. @returns ends it */
  async listen(heard: () => void): Promise<() => void> {
    const response = await this.#send('changes', { method: 'GET' })
    response.on('data', (piece: Buffer) => {
      if (piece.includes('data:')) heard()
    })
    // Ended from here, it says that it broke off.
    response.on('error', () => undefined)
    return () => response.destroy()
  }

  #pack(body: object): Buffer {
    return gzipSync(JSON.stringify({ protocol: PROTOCOL, clientId: this.#clientId, principal: this.#principal, ...body }))
  }

  async #post(route: string, body: Buffer): Promise<unknown> {
    const response = await this.#send(route, { method: 'POST', body })
    const pieces: Buffer[] = []
    for await (const piece of response) pieces.push(piece as Buffer)
    const bytes = Buffer.concat(pieces)
    const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
    assert(response.statusCode === 200, `${route}: ${response.statusCode} ${text}`)
    return JSON.parse(text) as unknown
  }

  #send(route: string, { method, body }: { readonly method: string; readonly body?: Buffer }): Promise<IncomingMessage> {
    const headers = {
      'authorization': `Bearer ${this.#principal}`,
      'accept-encoding': 'gzip',
      ...(body && { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-length': body.length }),
    }
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}/${this.#space}/${route}`, { method, headers, ...(method === 'POST' && { agent }) }, resolve)
      sent.once('error', (error) => {
        // A connection that was kept may be closed by the server at the moment when it is used again.
        if (sent.reusedSocket) this.#send(route, { method, ...(body && { body }) }).then(resolve, reject)
        else reject(error)
      })
      sent.end(body)
    })
  }
}

/** The Commands and Events in a log, in its order. */
export const contentsOf = (records: readonly ProcessedRecord[]) => ({
  commands: records.flatMap(({ commands }) => commands),
  events: records.flatMap(({ events }) => events),
})
