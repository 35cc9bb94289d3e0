/** A connection that only listens. Where it is lost it is made again, as often as it takes. */
import { Client, type ClientConfig } from 'pg'
import { faultOf, type Listener } from './sql-database.ts'

/** Between attempts: doubled from the first to the last, each shortened by chance, so that many processes do not come at once. */
const FIRST_DELAY_MS = 100
const LAST_DELAY_MS = 10_000
/** A dead network is silent: asking so often finds out. */
const PROBE_MS = 15_000

export class PgListener {
  readonly #config: ClientConfig
  readonly #channel: string
  readonly #listener: Listener
  #client: Client | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(config: ClientConfig, channel: string, listener: Listener) {
    this.#config = config
    this.#channel = channel
    this.#listener = listener
  }

  /** @throws SqlFault where the first connection cannot be made */
  async start(): Promise<void> {
    try {
      await this.#connect()
    } catch (error) {
      throw faultOf(error, 'connecting')
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#client?.end()
  }

  async #connect(): Promise<void> {
    const client = new Client(this.#config)
    client.on('notification', ({ payload = '' }) => this.#listener.heard(payload))
    // Each end comes as an error, or as an end, or both.
    client.on('error', () => this.#lost(client))
    client.on('end', () => this.#lost(client))
    await client.connect()
    try {
      await client.query(`LISTEN ${this.#channel}`)
    } catch (error) {
      await client.end()
      throw error
    }
    if (this.#closed) return client.end()
    this.#client = client
    this.#probeLater(client)
  }

  #probeLater(client: Client): void {
    this.#timer = setTimeout(() => {
      client.query('SELECT 1').then(
        () => !this.#closed && this.#client === client && this.#probeLater(client),
        () => this.#lost(client),
      )
    }, PROBE_MS)
    this.#timer.unref()
  }

  #lost(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    clearTimeout(this.#timer)
    // It is dead already; what its end has to tell was the reason.
    client.end().catch(() => {})
    this.#connectLater(FIRST_DELAY_MS)
  }

  #connectLater(delayMs: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(
      () => {
        this.#connect().then(
          () => this.#listener.missed(),
          () => this.#connectLater(Math.min(delayMs * 2, LAST_DELAY_MS)),
        )
      },
      delayMs * (0.5 + Math.random() / 2),
    )
    this.#timer.unref()
  }
}
