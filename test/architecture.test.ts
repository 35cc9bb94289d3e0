/** The import graph of the sources, held to the house; and the checks themselves, held to made-up houses with something wrong in each. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { boundModules, cycles, heavyDoors, house, oversized, wrongDirections, wrongDoors, type House } from './support/architecture.ts'
import { graphOf, moduleOf, readGraph } from './support/module-graph.ts'

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

describe('the sources', () => {
  const graph = readGraph(folder('../src'))

  test('are there, with what they import', () => {
    expect(graph.size).toBeGreaterThan(40)
    expect([...graph.values()].reduce((sum, { edges }) => sum + edges.length, 0)).toBeGreaterThan(100)
  })
  test('import in the directions of the house only, each library in its home', () => {
    expect(wrongDirections(graph, house)).toEqual([])
  })
  test('hold no knot of values', () => {
    expect(cycles(graph)).toEqual([])
  })
  test('have an index.ts exactly where the package has a door, and nothing inside goes through one', () => {
    expect(wrongDoors(graph, house)).toEqual([])
    expect(Object.keys(manifest.exports)).toEqual(house.doors.map((door) => (door === '' ? '.' : `./${door}`)))
  })
  test('keep heavy libraries out of the doors that do without: zod and Dexie out of what the page loads', () => {
    expect(heavyDoors(graph, house)).toEqual([])
  })
  test('read nothing of their surroundings while they load', () => {
    expect(boundModules(graph)).toEqual([])
  })
  test('know a home for every dependency of the package', () => {
    expect(Object.keys(house.libraries).sort()).toEqual(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).sort())
  })
  test('come in files of a size that one reads at once', async ({ annotate }) => {
    for (const file of oversized(graph, 300)) await annotate(file, 'warning')
    expect(oversized(graph, house.maxLines)).toEqual([])
  })
})

describe('the demo', () => {
  const graph = readGraph(folder('../demo'))

  test('is written as a user writes: by the public names of the package alone', () => {
    expect(graph.size).toBeGreaterThan(0)
    const doors = house.doors.map((door) => (door === '' ? 'outpost' : `outpost/${door}`))
    const stray = [...graph].flatMap(([file, { edges }]) =>
      edges
        .filter((edge) =>
          edge.file === undefined ? /^outpost(\/|$)/.test(edge.specifier) && !doors.includes(edge.specifier) : edge.file.startsWith('..'),
        )
        .map(({ specifier }) => `${file} imports ${specifier}.`),
    )
    expect(stray).toEqual([])
  })
  test('comes in files of a size that one reads at once', () => {
    expect(oversized(graph, house.maxLines)).toEqual([])
  })
})

describe('the checks of the house', () => {
  const small: House = {
    folders: {
      'errors.ts': { values: [] },
      'domain': { values: ['errors.ts'] },
      'storage': { values: ['domain'] },
      'storage/disk': { values: ['storage'] },
      'engine': { values: ['domain', 'storage'] },
      'client': { values: ['errors.ts'], types: ['engine/contract.ts', 'domain'] },
    },
    libraries: { zod: { values: ['domain'] }, rxjs: { values: ['engine'], types: ['client'] } },
    node: ['storage/disk'],
    doors: ['client'],
    light: { 'client/index.ts': ['zod'] },
    maxLines: 10,
  }
  const directions = (files: Readonly<Record<string, string>>): string[] => wrongDirections(graphOf(files), small)

  test.each([
    ['an import statement', `import { a } from '../storage/a.ts'`],
    ['a default import', `import a from '../storage/a.ts'`],
    ['a namespace import', `import * as a from '../storage/a.ts'`],
    ['an import for its effect', `import '../storage/a.ts'`],
    ['an import of a type', `import type { A } from '../storage/a.ts'`],
    ['an inline type', `import { type A } from '../storage/a.ts'`],
    ['an import over several lines', `import {\n  a,\n} from '../storage/a.ts'`],
    ['an export from', `export { a } from '../storage/a.ts'`],
    ['an export of everything', `export * from '../storage/a.ts'`],
    ['an export of a type', `export type { A } from '../storage/a.ts'`],
    ['an import at run time', `export const load = () => import('../storage/a.ts')`],
    ['a type by path', `export type A = import('../storage/a.ts').A`],
  ])('see %s', (_, text) => {
    expect(directions({ 'domain/b.ts': text, 'storage/a.ts': '' })).toEqual([
      'domain/b.ts imports ../storage/a.ts: domain may not import storage.'.replace('../', ''),
    ])
  })
  test('see nothing in comments, texts and templates', () => {
    const text = `// import '../storage/a.ts'\nconst a = "import '../storage/a.ts'"\nconst b = \`import '../storage/a.ts'\``
    expect(directions({ 'domain/b.ts': text, 'storage/a.ts': '' })).toEqual([])
  })
  test('let the right directions pass, and neighbours in one folder', () => {
    const files = {
      'domain/a.ts': `import '../errors.ts'\nimport './b.ts'`,
      'domain/b.ts': `import 'zod'`,
      'errors.ts': '',
      'storage/c.ts': `import '../domain/a.ts'`,
    }
    expect(directions(files)).toEqual([])
  })
  test('hold an inner folder to its own rules', () => {
    expect(directions({ 'storage/disk/a.ts': `import '../b.ts'`, 'storage/b.ts': '' })).toEqual([])
    expect(directions({ 'storage/b.ts': `import './disk/a.ts'`, 'storage/disk/a.ts': '' })).toHaveLength(1)
  })
  test('tell types from values where only types may pass', () => {
    const engine = { 'engine/contract.ts': '', 'engine/other.ts': '' }
    expect(directions({ ...engine, 'client/a.ts': `import type { A } from '../engine/contract.ts'` })).toEqual([])
    expect(directions({ ...engine, 'client/a.ts': `import { type A } from '../engine/contract.ts'` })).toEqual([])
    expect(directions({ ...engine, 'client/a.ts': `import { type A, b } from '../engine/contract.ts'` })).toHaveLength(1)
    expect(directions({ ...engine, 'client/a.ts': `import type { A } from '../engine/other.ts'` })).toHaveLength(1)
    expect(directions({ 'client/a.ts': `import type { Observable } from 'rxjs'` })).toEqual([])
    expect(directions({ 'client/a.ts': `import { Observable } from 'rxjs'` })).toHaveLength(1)
  })
  test('refuse a library outside its home, one without a home, and part of one', () => {
    expect(directions({ 'engine/a.ts': `import { z } from 'zod'` })).toHaveLength(1)
    expect(directions({ 'engine/a.ts': `import { z } from 'zod/mini'` })).toHaveLength(1)
    expect(directions({ 'engine/a.ts': `import leftPad from 'left-pad'` })).toHaveLength(1)
    expect(directions({ 'engine/a.ts': `import { map } from 'rxjs/operators'` })).toEqual([])
  })
  test('let only what runs in Node use its modules', () => {
    expect(directions({ 'storage/disk/a.ts': `import { readFile } from 'node:fs/promises'` })).toEqual([])
    expect(directions({ 'storage/a.ts': `import { readFile } from 'node:fs/promises'` })).toHaveLength(1)
  })
  test('refuse a folder that is not in the house, a file that is not there, and an import without extension', () => {
    expect(directions({ 'helpers/a.ts': '' })).toHaveLength(1)
    expect(directions({ 'domain/a.ts': `import './gone.ts'` })).toHaveLength(1)
    expect(directions({ 'domain/a.ts': `import './b'`, 'domain/b.ts': '' })).toHaveLength(1)
  })
  test('refuse an import whose name is computed', () => {
    expect(() => directions({ 'domain/a.ts': 'export const load = (name: string) => import(name)' })).toThrow(/computed/)
    expect(directions({ 'domain/a.ts': 'export const load = (namedByUser: string) => import(namedByUser)' })).toEqual([])
  })

  test('find a knot of values, also a long one, and leave a knot of types', () => {
    const ring = (kind: string) =>
      graphOf({ 'a.ts': `import ${kind} { b } from './b.ts'`, 'b.ts': `import { c } from './c.ts'`, 'c.ts': `export * from './a.ts'` })
    expect(cycles(ring(''))).toEqual(['a.ts → b.ts → c.ts → a.ts'])
    expect(cycles(ring('type'))).toEqual([])
    expect(cycles(graphOf({ 'a.ts': `import './a.ts'` }))).toEqual(['a.ts → a.ts'])
    expect(cycles(graphOf({ 'a.ts': `import './b.ts'\nimport './c.ts'`, 'b.ts': `import './c.ts'`, 'c.ts': '' }))).toEqual([])
  })
  test('find a barrel, a missing door and a way through a door', () => {
    expect(wrongDoors(graphOf({ 'client/index.ts': '', 'client/a.ts': '' }), small)).toEqual([])
    expect(wrongDoors(graphOf({ 'client/index.ts': '', 'domain/index.ts': '' }), small)).toEqual([
      'domain/index.ts is no door: name the file after what it holds.',
    ])
    expect(wrongDoors(graphOf({ 'client/a.ts': '' }), small)).toEqual(['The door client/index.ts is missing.'])
    expect(wrongDoors(graphOf({ 'client/index.ts': '', 'a.ts': `import type { A } from './client/index.ts'` }), small)).toHaveLength(1)
  })
  test('find a heavy library behind a light door, however far, but not behind a type', () => {
    const files = {
      'client/index.ts': `export * from './a.ts'`,
      'client/a.ts': `import { b } from '../domain/b.ts'`,
      'domain/b.ts': `import { z } from 'zod'`,
    }
    expect(heavyDoors(graphOf(files), small)).toEqual([
      'client/index.ts → client/a.ts → domain/b.ts → zod: whoever loads client/index.ts would load zod.',
    ])
    expect(heavyDoors(graphOf({ ...files, 'client/a.ts': `import type { b } from '../domain/b.ts'` }), small)).toEqual([])
    expect(heavyDoors(graphOf({ ...files, 'domain/b.ts': `import type { z } from 'zod'` }), small)).toEqual([])
    expect(heavyDoors(graphOf({ ...files, 'domain/b.ts': `export const b = () => import('zod')` }), small)).toHaveLength(1)
  })
  test.each([
    ['window.addEventListener("x", y)', ['window']],
    ['export const agent = navigator.userAgent', ['navigator']],
    ['const dev = process.env["NODE_ENV"] !== "production"', ['process']],
    ['class A { static root = document.body }', ['document']],
    ['(() => { document.title = "" })()', ['document']],
    ['for (const key of [localStorage.length]) console.log(key)', ['localStorage']],
    ['const a = (self as unknown as { b: number }).b', ['self']],
    ['export const a = () => window.name', []],
    ['export function a() { return document.title }', []],
    ['class A { root = document.body; b() { return window } }', []],
    ['const isBrowser = typeof window !== "undefined"', []],
    ['interface A { window: number }', []],
    ['type A = typeof window', []],
    ['const a = { window: 1, process() {} }; export const b = a.window', []],
    ['import { document } from "./a.ts"', []],
  ])('tell what is read at load: %s', (text, names) => {
    expect(moduleOf('a.ts', text).ambient).toEqual(names)
  })
  test('count lines', () => {
    expect(oversized(graphOf({ 'a.ts': '\n'.repeat(9) + 'const a = 1\n', 'b.ts': '\n'.repeat(10) + 'const b = 1\n' }), 10)).toEqual([
      'b.ts has 11 lines, more than 10: look for the second noun.',
    ])
  })
  test('list the values that a door hands on', () => {
    const text = `export { a, type B, c as d } from './a.ts'\nexport type { E } from './e.ts'\nexport const f = 1, g = 2\nexport function h() {}\nexport interface I {}`
    expect(moduleOf('a.ts', text).exports).toEqual(['a', 'd', 'f', 'g', 'h'])
  })
})
