/** What must hold for every file that is kept, whatever it is. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import lock from '../package-lock.json' with { type: 'json' }
import manifest from '../package.json' with { type: 'json' }
import { countReport } from './support/gate.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const ignored = ['.git', ...readFileSync(join(root, '.gitignore'), 'utf8').split('\n')]
  .map((line) => line.replace(/\/$/, ''))
  .filter(Boolean)
const isIgnored = (path: string): boolean =>
  ignored.some((rule) => (rule.startsWith('*') ? path.endsWith(rule.slice(1)) : path === rule || path.endsWith(`/${rule}`)))

/** Kept or about to be: everything that `.gitignore` does not name. Works where there is no git, too. */
const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (isIgnored(path)) return []
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
const files = filesBelow('')
const isText = (file: string): boolean => !['.gz', '.png', '.jpg', '.ico', '.woff2'].includes(extname(file))

// In pieces, so that this file passes its own test.
const forbidden: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'a path of one machine',
    new RegExp(`(?<![\\w.)\\]}])/(${['wo' + 'rk', 'ro' + 'ot', 't' + 'mp', 'home/\\w+', 'Users/\\w+'].join('|')})/`),
  ],
  ['a registry’s address', new RegExp(['registry\\.', 'npm' + 'mirror', 'verda' + 'ccio', 'artifact' + 'ory'].join('|'), 'i')],
  [
    'who wrote it',
    new RegExp(
      `\\b(${['assis' + 'tant', 'language ' + 'model', 'co-auth' + 'ored', '(this|last|previous|next) ' + 'session'].join('|')})\\b`,
      'i',
    ),
  ],
  ['a ticket', new RegExp(`\\b(${['iss' + 'ue', 'ti' + 'cket'].join('|')})\\s+#?\\d`, 'i')],
]

const findingsIn = (name: string, text: string): string[] =>
  text
    .split('\n')
    .flatMap((line, i) =>
      forbidden.filter(([, pattern]) => pattern.test(line)).map(([what]) => `${name}:${i + 1} names ${what}: ${line.trim()}`),
    )

interface LockedPackage {
  readonly resolved?: string
  readonly integrity?: string
  readonly inBundle?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

describe('the repository', () => {
  test('names no machine, no registry, no author and no ticket in any file', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(files.filter(isText).flatMap((file) => findingsIn(file, readFileSync(join(root, file), 'utf8')))).toEqual([])
  })
  test.each([
    'at /wo' + 'rk/main/a.ts',
    'https://regis' + 'try.example.org/a.tgz',
    'as the assis' + 'tant said',
    'in the next ses' + 'sion',
    'see iss' + 'ue 12',
    '(/ro' + 'ot/.npm)',
  ])('would find %s', (text) => expect(findingsIn('a.ts', `const a = 1\n// ${text}`)).toHaveLength(1))
  test.each(['./work/a.ts', 'demo/tmp/b', 'the issue is 3 days old', 'a session token', 'the homework/ folder'])('lets pass %s', (text) => {
    expect(findingsIn('a.ts', text)).toEqual([])
  })

  test('shows only its few files at the top', () => {
    const known = ['package.json', 'package-lock.json', 'vite.config.ts', 'tsconfig.json', 'src', 'demo', 'test', 'README.md', 'LICENSE']
    const visible = [...new Set(files.map((file) => file.split('/')[0] as string))].filter((name) => !name.startsWith('.'))
    expect(visible.filter((name) => !known.includes(name))).toEqual([])
    expect(known.filter((name) => !visible.includes(name))).toEqual([])
  })

  test('locks every dependency by its hash and none to an address', () => {
    const packages = Object.entries(lock.packages as Readonly<Record<string, LockedPackage>>).filter(([path]) => path !== '')
    expect(packages.length).toBeGreaterThan(100)
    expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([])
    expect(packages.filter(([, { integrity, inBundle }]) => integrity === undefined && inBundle !== true).map(([path]) => path)).toEqual([])
    // npm 11 refuses a lock without the binaries of other platforms, and npm 10 would install a tool that cannot start there.
    const locked = packages.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13))
    const wanted = packages.flatMap(([, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }),
    )
    expect(wanted.filter((name) => !locked.includes(name))).toEqual([])
    expect(lock.packages[''].dependencies).toEqual(manifest.dependencies)
    expect(lock.packages[''].devDependencies).toEqual(manifest.devDependencies)
  })
})

describe('the gate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-gate-'))
  const count = (testResults: unknown, ok: boolean) => {
    const path = join(folder, 'report.json')
    writeFileSync(path, JSON.stringify({ testResults }))
    try {
      return countReport(path, ok)
    } finally {
      rmSync(path)
    }
  }
  const file = (status: string, ...tests: readonly string[]) => ({ status, assertionResults: tests.map((each) => ({ status: each })) })

  test('counts what passed, failed and was skipped', () => {
    expect(count([file('failed', 'passed', 'failed'), file('passed', 'passed', 'skipped')], false)).toMatchObject({
      passed: 2,
      failed: 1,
      skipped: 1,
    })
    expect(count([file('passed', 'passed')], true)).toMatchObject({ passed: 1, failed: 0, skipped: 0 })
  })
  test('names what failed, with the first line of why', () => {
    const assertionResults = [
      { status: 'failed', fullName: 'a log keeps it', failureMessages: ['AssertionError: 1 is not 2\n    at x'] },
      { status: 'passed', fullName: 'a log has it' },
    ]
    const name = join(import.meta.dirname, 'log.test.ts')
    expect(count([{ name, status: 'failed', assertionResults }], false).failures).toEqual([
      'test/log.test.ts: a log keeps it: AssertionError: 1 is not 2',
    ])
    expect(count([{ name, status: 'failed', message: 'no such module', assertionResults: [] }], false).failures).toEqual([
      'test/log.test.ts: did not load: no such module',
    ])
    expect(count([file('passed', 'passed')], false).failures).toEqual(['an error outside any test: see above'])
    expect(count([file('passed', 'passed')], true).failures).toEqual([])
  })
  test('counts a file that does not load as failed', () => {
    expect(count([file('failed'), file('passed', 'passed')], false)).toMatchObject({ passed: 1, failed: 1, skipped: 0 })
    expect(count([file('failed', 'skipped', 'skipped')], false)).toMatchObject({ passed: 0, failed: 1, skipped: 2 })
  })
  test('counts an error outside any test, and a run without a report, as failed', () => {
    expect(count([file('passed', 'passed')], false)).toMatchObject({ passed: 1, failed: 1, skipped: 0 })
    expect(countReport(join(folder, 'none.json'), true)).toMatchObject({ passed: 0, failed: 1, skipped: 0 })
    expect(readdirSync(folder)).toEqual([])
    rmSync(folder, { recursive: true })
  })
})
