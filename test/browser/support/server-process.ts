/** `outpost-server` as a process of its own, as its users run it: the built bin, with a bundled domain. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { buildPackage, cache, root } from '../../support/build.mjs'

/** Which domain it decides with: an import from a file beside the tests. */
const domains = {
  'stock': `import { stock } from '${fileOf('../../fixtures/stock.ts')}'\nexport default stock`,
  'counter-old': `import { counters } from '${fileOf('../pages/counter.ts')}'\nexport default counters['counter-old']()`,
  'counter-new': `import { counters } from '${fileOf('../pages/counter.ts')}'\nexport default counters['counter-new']()`,
  'tasks': `import { tasks } from '${fileOf('../../../demo/src/measure/domain.ts')}'\nexport default tasks`,
  'tasks-older': `import { olderTasks } from '${fileOf('../../bench/pages/sync/older.ts')}'\nexport default olderTasks`,
}
export type ServerDomain = keyof typeof domains

const folder = join(cache, 'sync-servers')

function fileOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url)).replaceAll('\\', '/')
}

/** Builds the package and what the servers load. Once, before the first of them is started. */
export async function buildServers(...names: readonly ServerDomain[]): Promise<void> {
  buildPackage()
  mkdirSync(folder, { recursive: true })
  // Tokens are names, as in the other tests, and all share all spaces.
  writeFileSync(
    join(folder, 'auth.mjs'),
    `export const authenticate = (request) => /^Bearer (\\w+)$/.exec(request.headers.get('authorization') ?? '')?.[1]\nexport const access = () => true\n`,
  )
  for (const name of names) {
    const entry = join(folder, `${name}.ts`)
    writeFileSync(entry, domains[name])
    await build({
      configFile: false,
      logLevel: 'warn',
      root: folder,
      build: {
        outDir: join(folder, name),
        emptyOutDir: true,
        target: 'es2022',
        minify: false,
        lib: { entry, formats: ['es'], fileName: () => 'domain.mjs' },
        // The package by its own name, from what was built.
        rolldownOptions: { external: [/^outpost/, 'zod'] },
      },
    })
  }
}

/** Where its logs are: a folder, or a PostgreSQL. */
export type ServerData = { readonly folder: string } | { readonly databaseUrl: string }

export interface ServerProcess {
  /** Without a slash at the end. */
  readonly url: string
  readonly pid: number
  /** What it printed, an entry a line. */
  entries(): readonly { readonly event: string; readonly level: string }[]
  /** SIGKILL: as if the power failed. */
  kill(): Promise<void>
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>
}

const started = new Set<ChildProcess>()
process.once('exit', () => started.forEach((child) => child.kill('SIGKILL')))

/** Kills those that still run: `afterEach(killServers)`. */
export async function killServers(): Promise<void> {
  await Promise.all([...started].map((child) => end(child, 'SIGKILL')))
}

/** @param nodeOptions of Node itself, before the bin */
export async function startServerProcess(
  data: ServerData,
  domain: ServerDomain = 'stock',
  nodeOptions: readonly string[] = [],
): Promise<ServerProcess> {
  const args = [join(root, 'dist/server/bin.js'), '--domain', join(folder, domain, 'domain.mjs'), '--auth', join(folder, 'auth.mjs')]
  const where = 'folder' in data ? ['--data', data.folder] : []
  const { DATABASE_URL: _, ...env } = process.env
  const child = spawn(process.execPath, [...nodeOptions, ...args, ...where, '--port', '0', '--cors', '*'], {
    cwd: root,
    env: { ...env, ...('databaseUrl' in data && { DATABASE_URL: data.databaseUrl }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.add(child)
  let [out, err] = ['', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const found = /"event":"listening".*"url":"([^"]+)"/.exec(out)?.[1]
      if (found) resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`outpost-server ended with ${code}: ${err || out}`)))
  })
  return {
    url,
    pid: child.pid as number,
    entries: () =>
      out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { event: string; level: string }),
    async kill() {
      await end(child, 'SIGKILL')
    },
    stop: () => end(child, 'SIGTERM'),
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    const done = (): void => {
      started.delete(child)
      resolve(child.exitCode)
    }
    if (child.exitCode !== null || child.signalCode !== null) return done()
    child.once('exit', done)
    child.kill(signal)
  })
}
