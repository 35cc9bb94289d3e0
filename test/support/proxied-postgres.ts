/** A PostgreSQL server of a test file's own, and a way to it that tests can cut. */
import { afterAll, beforeAll } from 'vitest'
import { type PostgresProxy, startProxy } from './postgres-proxy.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

export interface ProxiedPostgres {
  readonly server: PostgresServer
  readonly proxy: PostgresProxy
  /** Of the database that the proxy leads to, past the proxy. */
  readonly url: string
}

/** Starts before the file's tests, and stops behind them: what it gives is there in between. */
export function proxiedPostgres(): ProxiedPostgres {
  let running: ProxiedPostgres | undefined
  beforeAll(async () => {
    const server = await startPostgres()
    const url = await server.database()
    running = { server, url, proxy: await startProxy(url) }
  })
  afterAll(async () => {
    await running?.proxy.close()
    await running?.server.stop()
  })
  const now = (): ProxiedPostgres => {
    if (!running) throw new Error('PostgreSQL runs while tests do.')
    return running
  }
  return {
    get server() {
      return now().server
    },
    get proxy() {
      return now().proxy
    },
    get url() {
      return now().url
    },
  }
}
