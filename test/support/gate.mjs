/**
 * `npm test`: runs every part, also after one has failed, and ends with one line that adds them up. A tool counts as one test.
 * `npm test -- types unit` runs those parts only.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bin, cache, manifest, root } from './build.mjs'

/** @typedef {{ readonly passed: number, readonly failed: number, readonly skipped: number, readonly failures?: readonly string[] }} Count */
/** @typedef {{ readonly name: string, readonly run: () => Promise<Count> }} Part */

/**
 * @param {string} command
 * @param {readonly string[]} rest
 * @returns {Promise<boolean>} true where it succeeded
 */
const succeeds = (command, rest) =>
  new Promise((resolve) => {
    const child = spawn(command, [...rest], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' })
    const stop = () => child.kill()
    process.once('SIGTERM', stop)
    child.once('error', () => resolve(false))
    child.once('exit', (status) => {
      process.off('SIGTERM', stop)
      resolve(status === 0)
    })
  })

/**
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} rest
 * @returns {Part}
 */
const tool = (name, command, rest) => ({
  name,
  run: async () => ((await succeeds(command, rest)) ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }),
})

/** @param {string} script @returns {Part} */
const script = (script) => tool(script, 'npm', ['run', '--silent', script])

/** @typedef {{ status: string, fullName?: string, failureMessages?: string[] }} TestResult */
/** @typedef {{ name?: string, status: string, message?: string, assertionResults: TestResult[] }} FileResult */

/**
 * @param {string} project of Vitest
 * @returns {Part}
 */
const suite = (project) => ({
  name: project,
  run: async () => {
    const report = join(cache, 'gate', `${project}.json`)
    rmSync(report, { force: true })
    const rest = ['run', '--project', project, '--allowOnly=false', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const ok = await succeeds(bin('vitest'), rest)
    return countReport(report, ok)
  },
})

/**
 * A file that does not load, an error outside any test and a run without a report have no test to blame: each counts as one failure.
 *
 * @param {string} path
 * @param {boolean} ok whether Vitest said so
 * @returns {Count}
 */
export function countReport(path, ok) {
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 }
  const { testResults: files } = /** @type {{ testResults: FileResult[] }} */ (JSON.parse(readFileSync(path, 'utf8')))
  const tests = files.flatMap((file) => file.assertionResults.map((result) => ({ ...result, file: file.name ?? '' })))
  const broken = files.filter((file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'))
  const failedTests = tests.filter(({ status }) => status === 'failed')
  const failed = failedTests.length + broken.length
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failures = [
    ...broken.map(({ name = '', message = '' }) => failure(name, 'did not load', message)),
    ...failedTests.map(({ file, fullName = '', failureMessages = [] }) => failure(file, fullName, failureMessages[0] ?? '')),
    ...(failed === 0 && !ok ? ['an error outside any test: see above'] : []),
  ]
  return { passed, failed: failed === 0 && !ok ? 1 : failed, skipped: tests.length - passed - failedTests.length, failures }
}

/** @param {string} file @param {string} test @param {string} message */
const failure = (file, test, message) => `${relative(root, file)}: ${test}: ${message.split('\n', 1)[0]}`

const tarball = join('.cache', `${manifest.name}-${manifest.version}.tgz`)

/** @type {readonly Part[]} */
const parts = [
  tool('chromium', process.execPath, ['test/support/find-chromium.mjs']),
  tool('postgresql', process.execPath, ['test/support/find-postgres.mjs']),
  script('types'),
  script('lint'),
  script('format:check'),
  suite('unit'),
  suite('postgres'),
  tool('build', process.execPath, ['test/support/build.mjs']),
  tool('publint', bin('publint'), ['run', '--strict', tarball]),
  tool('attw', bin('attw'), ['--profile', 'esm-only', '--format', 'ascii', tarball]),
  suite('package'),
  suite('browser'),
]

async function main() {
  const chosen = process.argv.slice(2)
  const unknown = chosen.filter((name) => !parts.some((part) => part.name === name))
  if (unknown.length > 0) throw new Error(`No such part: ${unknown.join(', ')}. There are ${parts.map(({ name }) => name).join(', ')}.`)
  mkdirSync(join(cache, 'gate'), { recursive: true })
  let passed = 0
  let failed = 0
  const lines = []
  // Told again at the end: of a long output often only that is looked at, or kept.
  const failures = []
  for (const part of parts.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
    process.stdout.write(`\n── ${part.name}\n`)
    const startedAt = performance.now()
    const count = await part.run()
    passed += count.passed
    failed += count.failed
    for (const each of count.failures ?? []) failures.push(`✗ ${part.name}: ${each}`)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
    lines.push(
      `${count.failed === 0 ? '✓' : '✗'} ${part.name.padEnd(14)}${count.passed} passed, ${count.failed} failed${skipped} (${seconds} s)`,
    )
  }
  if (failures.length > 0) process.stdout.write(`\n${failures.join('\n')}\n`)
  process.stdout.write(`\n${lines.join('\n')}\n\n${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
