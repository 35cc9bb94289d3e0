/** The package as it is published: packed, installed in an empty folder, loaded door by door. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { bin, packPackage, root, run } from './support/build.mjs'
import { moduleOf } from './support/module-graph.ts'
import { budgets, kB, measure, type Size } from './support/size.mjs'

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
  'outpost/server': ['createSyncServer'],
  'outpost/testing': ['createMemoryStorage', 'given', 'past', 'refused', 'storageContract', 'testApp'],
}
const names = Object.keys(manifest.exports).map((door) => manifest.name + door.slice(1))

let folder: string
let installed: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-package-'))
  const version = (name: string): string =>
    (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
  const peers = ['zod', 'react', '@types/react'].map((name) => [name, version(name)])
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

describe('the size of', () => {
  let sizes: Readonly<Record<string, Size>>
  beforeAll(() => {
    run(process.execPath, [join(root, 'test/support/size.mjs')])
    sizes = JSON.parse(readFileSync(join(root, '.cache/size.json'), 'utf8')) as Record<string, Size>
  })

  test.each(names)('%s keeps to its budget', (name) => {
    const budget = budgets[name]
    if (budget === undefined) throw new Error(`${name} has no budget: give it one in test/support/size.mjs.`)
    expect(sizes[name]?.gzip).toBeLessThanOrEqual(budget * 1000)
  })
  test.each(names)('%s is what the README says', (name) => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const said = new RegExp(`^\\|\\s*\`${name}\`\\s*\\|.*?([\\d.]+) kB`, 'm').exec(readme)?.[1]
    const measured = (sizes[name] as Size).gzip / 1000
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
