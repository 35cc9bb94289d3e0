/// <reference types="node" />
/** `outpost-server`: a sync server from the command line. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { serve } from '@hono/node-server'
import type { AnyDomain } from '../domain/infer.ts'
import { OutpostError } from '../errors.ts'
import { chooseStorage } from './choose-storage.ts'
import { createSyncServer, type SyncServer, type SyncServerOptions } from './create-sync-server.ts'
import type { LogEntry } from './log-entry.ts'

export const usage = `outpost-server --domain ./domain.js (--auth ./auth.js | --insecure) (--memory | --data dir | DATABASE_URL=…)

  --domain file   module whose default export, or export "domain", is the app's domain
  --auth file     module that exports authenticate(request) and access(principal, space), and may export authorize and actAs
  --insecure      instead of --auth: everybody is who he says he is, and may read and write every space
  --memory        keep logs in memory: nothing outlives the process
  --data dir      keep logs in a PostgreSQL inside this process, in this folder (needs @electric-sql/pglite)
  DATABASE_URL    keep logs in this PostgreSQL (needs pg), unless --data or --memory say otherwise
  --port number   default 4400, or PORT
  --host name     default 127.0.0.1; 0.0.0.0 for every network
  --path path     before /«space»/…, default none
  --cors origin   let pages of this origin in; may be given several times, "*" for all
  --help`

/** Connections may last so long after everything was answered. */
const LAST_ANSWERS_MS = 1000

export interface Running {
  readonly url: string
  /** Takes no new request, finishes those under way, and stops. */
  close(): Promise<void>
}

/** @throws OutpostError `unsupported` telling what to give instead */
export async function start(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  log: (entry: LogEntry) => void,
): Promise<Running | 'help'> {
  const given = parse(args)
  if (given.help) return 'help'
  if (given.domain === undefined) throw new OutpostError('unsupported', 'Give --domain: the module that declares the app’s domain.')
  const port = Number(given.port ?? env['PORT'] ?? 4400)
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536))
    throw new OutpostError('unsupported', `--port is ${String(given.port ?? env['PORT'])}: give a number below 65536.`)
  const domain = domainIn(await load(given.domain), given.domain)
  const who = await whoMay(given)
  const { storage, close } = await chooseStorage({ memory: given.memory === true, data: given.data, databaseUrl: env['DATABASE_URL'] })
  const server = createSyncServer({
    domain,
    storage,
    ...who,
    ...(given.cors ? { cors: { origin: given.cors.includes('*') ? '*' : given.cors } } : {}),
    ...(given.path === undefined ? {} : { path: given.path }),
    log,
  })
  const end = async (): Promise<void> => {
    await server.close()
    await close()
  }
  try {
    return await listen({ fetch: (request) => server.fetch(request), close: end }, port, given.host ?? '127.0.0.1')
  } catch (error) {
    await end()
    throw error
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        domain: { type: 'string' },
        auth: { type: 'string' },
        insecure: { type: 'boolean' },
        memory: { type: 'boolean' },
        data: { type: 'string' },
        port: { type: 'string' },
        host: { type: 'string' },
        path: { type: 'string' },
        cors: { type: 'string', multiple: true },
        help: { type: 'boolean' },
      },
    }).values
  } catch (cause) {
    throw new OutpostError('unsupported', cause instanceof Error ? cause.message : String(cause), {}, cause)
  }
}

type Exports = Readonly<Record<string, unknown>>

const load = (file: string): Promise<Exports> => loadModule(pathToFileURL(resolve(file)).href)

async function loadModule(namedByUser: string): Promise<Exports> {
  return (await import(/* @vite-ignore */ namedByUser)) as Exports
}

function domainIn(module: Exports, file: string): AnyDomain {
  const isDomain = (value: unknown): value is AnyDomain =>
    typeof value === 'object' && value !== null && (value as { readonly kind?: unknown }).kind === 'domain'
  const found = [module['default'], module['domain'], ...Object.values(module)].find(isDomain)
  if (!found) throw new OutpostError('unsupported', `${file} exports no domain. Export what \`domain(…)\` gives as default.`)
  return found
}

type Who =
  | Pick<Extract<SyncServerOptions, { readonly authenticate: object }>, 'authenticate' | 'authorize' | 'access' | 'actAs'>
  | { readonly insecure: true }

/** What a module of --auth has to export, and what that says. */
const NEEDED = {
  authenticate: '`authenticate(request)`: who it is that asks, or undefined.',
  access: '`access(principal, space)`: who may use which space. Where all share all spaces, write `export const access = () => true`.',
}

async function whoMay({ auth, insecure }: ReturnType<typeof parse>): Promise<Who> {
  if ((auth === undefined) !== (insecure === true))
    throw new OutpostError('unsupported', 'Give either --auth, a module that exports `authenticate` and `access`, or --insecure.')
  if (auth === undefined) return { insecure: true }
  const module = await load(auth)
  for (const name of ['authorize', 'actAs'])
    if (!['function', 'undefined'].includes(typeof module[name]))
      throw new OutpostError('unsupported', `${auth} has to export \`${name}\` as a function, or not at all.`)
  for (const [name, what] of Object.entries(NEEDED))
    if (typeof module[name] !== 'function') throw new OutpostError('unsupported', `${auth} has to export a function ${what}`)
  const { authenticate, authorize, access, actAs } = module as unknown as Extract<Who, { readonly authenticate: object }>
  return { authenticate, access, ...(authorize && { authorize }), ...(actAs && { actAs }) }
}

function listen(server: SyncServer, port: number, host: string): Promise<Running> {
  return new Promise((settle, fail) => {
    const http = serve({ fetch: (request) => server.fetch(request), port, hostname: host, overrideGlobalObjects: false }, (info) => {
      const name = info.family === 'IPv6' ? `[${info.address}]` : info.address
      settle({
        url: `http://${name}:${info.port}`,
        async close() {
          const stopped = new Promise<void>((done) => http.close(() => done()))
          await server.close()
          // The last answers are on their way; who is still sending has had his.
          const patience = setTimeout(() => 'closeAllConnections' in http && http.closeAllConnections(), LAST_ANSWERS_MS)
          if ('closeIdleConnections' in http) http.closeIdleConnections()
          await stopped
          clearTimeout(patience)
        },
      })
    })
    http.on('error', fail)
  })
}
