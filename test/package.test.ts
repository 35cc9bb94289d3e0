/** The package as it is published: packed, installed in an empty folder, loaded door by door. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { bin, packPackage, root, run } from './support/build.mjs'
import { moduleOf } from './support/module-graph.ts'
import { budgets, kB, measure, type Weight } from './support/size.mjs'

/** What each door hands out at run time. A name that comes or goes is a change of the public surface: say so here. */
const doors: Readonly<Record<string, readonly string[]>> = {
  'outpost': [
    'OutpostError',
    'aggregate',
    'applicationService',
    'command',
    'domain',
    'errorCodes',
    'event',
    'isOutpostError',
    'processManager',
    'query',
    'reactor',
    'readModel',
    'useCase',
  ],
  'outpost/worker': ['startWorker'],
  'outpost/client': ['OutpostError', 'connect', 'isOutpostError', 'isPending'],
  'outpost/sync': ['sync'],
  'outpost/react': ['createHooks', 'isPending'],
  'outpost/dexie': ['dexieTable'],
  'outpost/server': ['createPgliteStorage', 'createPostgresStorage', 'createSyncServer'],
  'outpost/testing': [
    'createMemoryStorage',
    'given',
    'past',
    'randomSchedule',
    'refused',
    'shrinkSchedule',
    'simulate',
    'storageContract',
    'testApp',
  ],
}
const names = Object.keys(manifest.exports).map((door) => manifest.name + door.slice(1))

/** Of doors on servers it does not matter, and Dexie has such a character of its own. */
const mayBeWide = new Set(['outpost/server', 'outpost/testing', 'outpost/dexie'])

let folder: string
let installed: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-package-'))
  const version = (name: string): string =>
    (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
  const peers = ['zod', 'react', '@types/react', '@electric-sql/pglite'].map((name) => [name, version(name)])
  const dependencies = { ...Object.fromEntries(peers), [manifest.name]: `file:${packPackage()}` }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module', dependencies }))
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'], folder)
  installed = join(folder, 'node_modules', manifest.name)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a script in Node beside the installed package. It ends by itself only where loading leaves nothing open. */
function inNode(name: string, code: string): unknown {
  writeFileSync(join(folder, name), code)
  return JSON.parse(run(process.execPath, [name], folder))
}

describe('the packed package', () => {
  test('has these doors and no other', () => {
    expect(Object.keys(doors)).toEqual(names)
  })
  test.each(Object.entries(doors))('loads %s in Node, without a browser, and finds exactly its names', (door, expected) => {
    const code = `const before = Reflect.ownKeys(globalThis)
      const names = Object.keys(await import('${door}'))
      // zod and Dexie keep their registries there, so that two copies of them agree.
      const added = Reflect.ownKeys(globalThis).filter((key) => !before.includes(key)).map(String).filter((key) => !/^__zod_|Dexie/.test(key))
      console.log(JSON.stringify({ names, added }))`
    expect(inNode('load.mjs', code)).toEqual({ names: [...expected].sort(), added: [] })
  })
  test('loads every door twice without a second copy of the error class', () => {
    const code = `const [a, b] = await Promise.all([import('outpost'), import('outpost/client')])
      console.log(JSON.stringify(a.OutpostError === b.OutpostError))`
    expect(inNode('same.mjs', code)).toBe(true)
  })
  test('compiles for a strict consumer who checks declarations too, in the ways of Node and of bundlers', () => {
    writeFileSync(join(folder, 'consumer.ts'), names.map((name, i) => `export * as door${i} from '${name}'`).join('\n'))
    for (const [module, moduleResolution] of [
      ['NodeNext', 'NodeNext'],
      ['ESNext', 'bundler'],
    ]) {
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'ES2022',
        lib: ['ES2022', 'DOM', 'DOM.Iterable'],
        types: [],
        strict: true,
        noEmit: true,
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
      expect(run(bin('tsc'), ['-p', '.'], folder)).toBe('')
    }
  })
  test('holds its code, declarations and sources, and nothing else', () => {
    expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json', 'src'])
    const files = readdirSync(join(installed, 'dist'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(files.filter(({ name }) => !/\.(js|d\.ts)(\.map)?$/.test(name)).map(({ name }) => name)).toEqual([])
  })
  test('has maps whose sources are in it', () => {
    const dist = join(installed, 'dist')
    const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.map'))
    expect(maps.length).toBeGreaterThan(40)
    const missing = maps.flatMap((file) => {
      const { sources } = JSON.parse(readFileSync(join(dist, file), 'utf8')) as { readonly sources: readonly string[] }
      return sources.filter((source) => !existsSync(join(dist, dirname(file), source))).map((source) => `${file} → ${source}`)
    })
    expect(missing).toEqual([])
  })
  test('imports in its declarations and code only what exists', () => {
    const dist = join(installed, 'dist')
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(js|d\.ts)$/.test(file))
    const wrong = files.flatMap((file) =>
      moduleOf(file.replaceAll('\\', '/'), readFileSync(join(dist, file), 'utf8'))
        .edges.filter((edge) => edge.file !== undefined)
        .map(({ file: target = '' }) => (file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target))
        .filter((target) => !existsSync(join(dist, posix.normalize(target))))
        .map((target) => `${file} → ${target}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('outpost-server', () => {
  const start = async (rest: readonly string[]) => {
    writeFileSync(
      join(folder, 'domain.mjs'),
      `import { aggregate, domain } from 'outpost'
      import { z } from 'zod'
      export default domain('notes', { aggregates: [aggregate('note', {
        state: z.object({}), events: { written: z.object({}) }, commands: { write: z.object({}) },
        create: { written: () => ({}) }, evolve: {}, decide: { write: (_, __, { emit }) => emit.written({}) },
      })] })`,
    )
    writeFileSync(
      join(folder, 'auth.mjs'),
      `export const authenticate = (request) => request.headers.get('x-name') ?? undefined
      export const access = (principal, space) => space === principal`,
    )
    writeFileSync(join(folder, 'who.mjs'), `export const authenticate = () => 'ann'`)
    const child = spawn(bin('outpost-server', folder), ['--domain', 'domain.mjs', '--port', '0', ...rest], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stderr.on('data', (text) => (err += String(text)))
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const url = await new Promise<string | undefined>((resolve) => {
      child.stdout.on('data', (text) => {
        out += String(text)
        const found = /"url":"([^"]+)"/.exec(out)?.[1]
        if (found) resolve(found)
      })
      void exit.then(() => resolve(undefined))
    })
    return { url, exit, stop: () => child.kill('SIGTERM'), kill: () => child.kill('SIGKILL'), out: () => out, err: () => err }
  }

  test('serves the protocol, and stops on SIGTERM with everything finished', async () => {
    const server = await start(['--memory', '--auth', 'auth.mjs', '--path', '/sync', '--cors', 'https://app.test'])
    const ask = async (route: string, body: object, name = 'ann') => {
      const response = await fetch(`${server.url}/sync/ann/${route}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-name': name, 'origin': 'https://app.test' },
        body: JSON.stringify({ protocol: 1, clientId: 'c', principal: name, ...body }),
      })
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.test')
      return { status: response.status, body: (await response.json()) as { place: { epoch: string } } }
    }
    expect((await ask('connect', {}, 'bob')).status).toBe(403)
    const { epoch } = (await ask('connect', {})).body.place
    const changes = await fetch(`${server.url}/sync/ann/changes`, { headers: { 'x-name': 'ann' } })
    const command = { id: 'i', type: 'note.write', schema: 1, aggregateId: 'n', payload: { json: {} }, at: 0, correlationId: 'i' }
    expect((await ask('push', { epoch, waiting: 0, commands: [{ sequence: 1, command }] })).body).toMatchObject({
      processed: [{ outcome: { ok: true } }],
    })
    expect((await ask('pull', { epoch, after: 0 })).body).toMatchObject({ records: [{ events: [{ type: 'note.written' }] }] })
    server.stop()
    expect(await changes.text()).toContain('"head":1')
    expect(await server.exit).toBe(0)
    const entries = server
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string })
    expect(entries.map(({ event }) => event)).toEqual(['started', 'listening', ...Array.from({ length: 5 }, () => 'request'), 'closed'])
  })

  test('killed in the middle of pushes has lost and doubled nothing when it is started again on its data', async () => {
    const rest = ['--data', 'data', '--insecure']
    const post = async (url: string | undefined, route: string, body: object): Promise<unknown> => {
      const response = await fetch(`${url}/hall-7/${route}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ protocol: 1, clientId: 'c', principal: 'ann', ...body }),
      })
      if (!response.ok) throw new Error(await response.text())
      return response.json()
    }
    const pushOf = (epoch: string, sequence: number) => {
      const given = [0, 1, 2].map((n) => ({ sequence: sequence + n, id: `i-${sequence + n}` }))
      const commands = given.map(({ sequence: at, id }) => ({
        sequence: at,
        command: { id, type: 'note.write', schema: 1, aggregateId: id, payload: { json: {} }, at: 0, correlationId: id },
      }))
      return { epoch, waiting: 0, commands }
    }
    let server = await start(rest)
    const { place } = (await post(server.url, 'connect', {})) as { place: { epoch: string } }
    let answered = 0
    for (let life = 0; life < 3; life++) {
      try {
        for (let pushes = 1; ; pushes++) {
          if (pushes === 5) setTimeout(server.kill, life * 3)
          await post(server.url, 'push', pushOf(place.epoch, answered + 1))
          answered += 3
        }
      } catch {
        expect(await server.exit).toBeNull() // the answer is lost: whether it was processed is not known
      }
      server = await start(rest)
      const connected = (await post(server.url, 'connect', {})) as { place: { epoch: string }; client: { sequence: number } }
      expect(connected.place.epoch).toBe(place.epoch)
      expect([answered, answered + 3]).toContain(connected.client.sequence)
    }
    await post(server.url, 'push', pushOf(place.epoch, answered + 1))
    answered += 3
    const events: { aggregateId: string; version: number }[] = []
    for (let after = 0, more = true; more;) {
      const page = (await post(server.url, 'pull', { epoch: place.epoch, after })) as {
        records: { number: number; events: typeof events }[]
        more: boolean
      }
      for (const record of page.records) events.push(...record.events)
      after = page.records.at(-1)?.number ?? after
      more = page.more
    }
    server.stop()
    expect(await server.exit).toBe(0)
    expect(answered).toBeGreaterThanOrEqual(3 * 4 * 3)
    expect(events.map(({ aggregateId, version }) => [aggregateId, version])).toEqual(
      Array.from({ length: answered }, (_, i) => [`i-${i + 1}`, 1]),
    )
  })

  test.each([
    ['without authentication', ['--memory'], /--insecure/],
    ['without saying who may use which space', ['--memory', '--auth', 'who.mjs'], /export const access = \(\) => true/],
    ['without a place for its logs', ['--insecure'], /--memory/],
    ['with an option that it does not know', ['--secure'], /--secure/],
  ])('does not start %s, and says what to give', async (_, rest, what) => {
    const server = await start(rest)
    expect(await server.exit).toBe(1)
    expect(server.url).toBeUndefined()
    expect(server.err()).toMatch(what)
    expect(server.err()).not.toMatch(/\n {4}at /)
  })
})

describe('the size of', () => {
  let sizes: Readonly<Record<string, Weight>>
  beforeAll(() => {
    run(process.execPath, [join(root, 'test/support/size.mjs')])
    sizes = JSON.parse(readFileSync(join(root, '.cache/size.json'), 'utf8')) as Record<string, Weight>
  })

  test.each(names)('%s keeps to its budget', (name) => {
    const budget = budgets[name]
    if (budget === undefined) throw new Error(`${name} has no budget: give it one in test/support/size.mjs.`)
    expect(sizes[name]?.gzip).toBeLessThanOrEqual(budget * 1000)
  })
  test.each(names.filter((name) => !mayBeWide.has(name)))('%s is not doubled in memory by a character beyond Latin-1', (name) => {
    expect(sizes[name]?.wide).toBe(0)
  })
  test.each(names)('%s is what the README says', (name) => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const said = new RegExp(`^\\|\\s*\`${name}\`\\s*\\|.*?([\\d.]+) kB`, 'm').exec(readme)?.[1]
    const measured = (sizes[name] as Weight).gzip / 1000
    if (said === undefined) throw new Error(`README.md has no row | \`${name}\` | ${kB(measured * 1000)} |.`)
    expect(Math.abs(Number(said) - measured), `README says ${said} kB, measured are ${measured} kB`).toBeLessThanOrEqual(
      Math.max(0.2, measured * 0.03),
    )
  })
})

test('a door that grew by a library is found by its weight', async () => {
  const [nothing, observable] = [await measure('export {}'), await measure(`export { Observable } from 'rxjs'`)]
  expect(nothing.gzip).toBeLessThan(100)
  expect(observable.gzip).toBeGreaterThan(1000)
})
