/**
 * Measures Outpost in a real Chromium beside the same done by hand:
 *
 *     npm run bench                                       all workloads, 5 runs; results.json and the README follow
 *     npm run bench -- --workload seq,burst --runs 3      some of them, written to .cache/bench.json
 *     npm run bench -- --workload scale --runs 3          all on long logs; `tasks`, `scale` and `sync` are such groups
 *     npm run bench -- --compare main                     this tree beside another commit, in alternating runs
 *     npm run bench -- --browser firefox,webkit           seq, burst and watch there, beside Chromium
 *     npm run bench -- --workload seq --profile .cache    one run, with CPU profiles of page and worker
 *     npm run bench -- --workload catchup --runs 1        one with a server, of sync/device-workloads.ts or sync/server-workloads.ts
 *     npm run bench -- --readme                           no run: the README's tables from results.json
 *
 * Runs are interleaved, so that whatever else the machine does hits all alike.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { round } from '../../demo/src/measure/figures.ts'
import type { SubjectName } from '../../demo/src/measure/subject.ts'
import type { Metrics } from '../../demo/src/measure/workloads.ts'
import { launchChromium } from '../browser/support/chromium.ts'
import { bin, cache, manifest, root, run as runTool } from '../support/build.mjs'
import { kB, measureDoors } from '../support/size.mjs'
import { type OtherBrowser, otherBrowsers, versionOfOther } from './browsers/other-browsers.ts'
import { runTasksElsewhere } from './browsers/tasks-elsewhere.ts'
import { checkOut } from './checkout.ts'
import { comparison, type Pair } from './compare.ts'
import { readOrders } from './orders.ts'
import { buildPages, type Pages } from './pages.ts'
import type { BrowserResults, Results, Run } from './results.ts'
import { groups, localWorkloads, runOne, type Scene, workloads } from './run-one.ts'
import { LongLogs } from './scale/long-logs.ts'
import { scaleTables } from './scale-table.ts'
import { makeScratch } from './scratch.ts'
import { Rig } from './sync/rig.ts'
import { syncTables } from './sync-table.ts'
import { browserTable, speedTable, withResults } from './table.ts'
import { runTasks, taskWorkloads } from './tasks-run.ts'

export const resultsFile = fileURLToPath(new URL('./results.json', import.meta.url))
const readmeFile = join(root, 'README.md')
/** Those of tasks that need no more than pages. */
const anywhere = Object.keys(taskWorkloads).filter((name) => name !== 'crash')
const inOtherBrowsers = ['seq', 'burst', 'watch']
const subjects: readonly SubjectName[] = ['outpost', 'put', 'worker']

const say = (text: string): void => void process.stdout.write(`${text}\n`)

function readArguments(given: readonly string[]) {
  const { values } = parseArgs({
    args: [...given],
    options: {
      workload: { type: 'string' },
      subject: { type: 'string' },
      runs: { type: 'string' },
      out: { type: 'string' },
      profile: { type: 'string' },
      compare: { type: 'string' },
      browser: { type: 'string' },
      readme: { type: 'boolean', default: false },
    },
  })
  const listed = (value: string | undefined, known: readonly string[], otherwise = known): readonly string[] => {
    const named: Readonly<Record<string, readonly string[]>> = groups
    const names = value?.split(',').flatMap((name) => named[name] ?? [name]) ?? otherwise
    const unknown = names.filter((name) => !known.includes(name))
    if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(', ')}. There are ${known.join(', ')}.`)
    return names
  }
  const { compare, browser } = values
  if (compare !== undefined && browser !== undefined) throw new Error('--compare and --browser are two things: give one of them.')
  const isWhole = values.workload === undefined && values.subject === undefined && values.profile === undefined
  const runs = Number(values.runs ?? (values.profile === undefined ? 5 : 1))
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a whole number from 1, not "${values.runs}".`)
  return {
    workloads:
      browser !== undefined
        ? listed(values.workload, anywhere, inOtherBrowsers)
        : compare !== undefined
          ? listed(values.workload, localWorkloads, groups.tasks)
          : listed(values.workload, workloads),
    subjects: listed(values.subject, subjects) as readonly SubjectName[],
    runs,
    out: values.out ? resolve(values.out) : isWhole ? resultsFile : join(cache, 'bench.json'),
    isWhole,
    profile: values.profile === undefined ? undefined : { folder: resolve(values.profile), show: say },
    compare,
    browsers: browser === undefined ? undefined : (listed(browser, otherBrowsers) as readonly OtherBrowser[]),
    readmeOnly: values.readme,
  }
}

type Asked = ReturnType<typeof readArguments>

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
}

async function versionOfChromium(): Promise<string> {
  const context = await launchChromium()
  const version = context.browser()?.version() ?? 'unknown'
  await context.close()
  return version
}

async function versions(): Promise<Record<string, string>> {
  const chromium = await versionOfChromium()
  const libraries = ['dexie', 'rxjs', 'comlink', 'zod', 'react'].map((name) => [name, versionOf(name)])
  return {
    [manifest.name]: manifest.version,
    chromium,
    node: process.version.slice(1),
    ...(Object.fromEntries(libraries) as Record<string, string>),
  }
}

/** UTC. */
const today = (): string => new Date().toISOString().slice(0, 10)

const machine = (): Results['machine'] => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 2 ** 30),
  os: `${type()} ${release()}`,
})

/** Five digits: more would only make the file longer. */
const rounded = (metrics: Metrics): Metrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(5))]))

/** Builds what is measured, and takes it down when the work is done. */
async function withScene<T>({ profile }: Asked, tree: string | undefined, work: (scene: Scene) => Promise<T>): Promise<T> {
  const orders = readOrders()
  const pages = await buildPages({ minify: profile === undefined, orders: orders.path, ...(tree !== undefined && { tree }) })
  const [rig, logs] = [new Rig(pages, profile), new LongLogs(pages, say)]
  try {
    return await work({ pages, orders, logs, rig, profile })
  } finally {
    try {
      await Promise.all([rig.close(), logs.close()])
    } finally {
      await pages.close()
    }
  }
}

/** Tells of one run, and keeps what went wrong in it. @returns undefined where it failed, or there is no such run */
async function told(name: string, failures: string[], run: () => Promise<Metrics | undefined>): Promise<Metrics | undefined> {
  try {
    const metrics = await run()
    if (metrics === undefined) return undefined
    const shown = Object.entries(metrics).map(([metric, value]) => `${metric} ${round(value)}`)
    say(`${name}${shown.join('  ')}`)
    return metrics
  } catch (error) {
    failures.push(`${name.trim()}: ${error instanceof Error ? error.message : String(error)}`)
    say(`FAILED ${failures.at(-1)}`)
    return undefined
  }
}

const readResults = (): Results => JSON.parse(readFileSync(resultsFile, 'utf8')) as Results

const write = (file: string, results: Results): void => {
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  if (file === resultsFile) runTool(bin('oxfmt'), [file])
}

const writeReadme = (results: Results): void => writeFileSync(readmeFile, withResults(readFileSync(readmeFile, 'utf8'), results))

async function measure(asked: Asked, scene: Scene): Promise<number> {
  const runs: Run[] = []
  const failures: string[] = []
  for (let run = 0; run < asked.runs; run++) {
    for (const workload of asked.workloads) {
      for (const subject of asked.subjects) {
        const name = `${run + 1}/${asked.runs} ${workload.padEnd(22)}${subject.padEnd(9)}`
        const metrics = await told(name, failures, () => runOne(scene, workload, subject))
        if (metrics) runs.push({ workload, subject, run, metrics: rounded(metrics) })
      }
    }
  }
  if (asked.profile !== undefined) return failures.length === 0 ? 0 : 1
  const { source, lines, expected } = scene.orders
  const kept = readResults()
  const results: Results = {
    date: today(),
    machine: machine(),
    versions: await versions(),
    orders: { source, lines, units: expected.unitsPicked },
    runs,
    sizes: await measureDoors(),
    ...(kept.browsers && { browsers: kept.browsers }),
  }
  say(`\n${[speedTable(results), ...scaleTables(results), ...syncTables(results)].join('\n\n')}\n`)
  for (const [door, { minified, gzip }] of Object.entries(results.sizes))
    say(`${door.padEnd(18)}${kB(minified)} minified, ${kB(gzip)} gzip`)
  if (failures.length > 0) {
    say(`\n${failures.length} of the runs failed; nothing is written:\n${failures.join('\n')}`)
    return 1
  }
  write(asked.out, results)
  if (asked.isWhole && asked.out === resultsFile) writeReadme(results)
  say(`\nwritten to ${asked.out}`)
  return 0
}

async function compare(asked: Asked, own: Scene, ref: string): Promise<number> {
  const { folder, name } = checkOut(ref)
  return withScene(asked, folder, async (other) => {
    const pairs: Pair[] = []
    const failures: string[] = []
    for (let run = 0; run < asked.runs; run++) {
      for (const workload of asked.workloads) {
        const titled = (tree: string): string => `${run + 1}/${asked.runs} ${workload.padEnd(22)}${tree.padEnd(name.length + 2)}`
        const metrics = await told(titled('this tree'), failures, () => runOne(own, workload, 'outpost'))
        const others = await told(titled(name), failures, () => runOne(other, workload, 'outpost'))
        if (metrics && others) pairs.push({ workload, own: metrics, other: others })
      }
    }
    say(`\n${comparison(pairs, name)}\n`)
    if (failures.length > 0) say(`${failures.length} of the runs failed:\n${failures.join('\n')}`)
    return failures.length === 0 ? 0 : 1
  })
}

async function inBrowsers(asked: Asked, scene: Scene, others: readonly OtherBrowser[]): Promise<number> {
  const runs: Record<string, Run[]> = {}
  const failures: string[] = []
  const browsers = [
    { name: `Chromium ${await versionOfChromium()}`, run: runTasks },
    ...others.map((other) => ({
      name: versionOfOther(other),
      run: (pages: Pages, workload: string, subject: SubjectName) => runTasksElsewhere(other, pages, workload, subject),
    })),
  ]
  for (let run = 0; run < asked.runs; run++) {
    for (const workload of asked.workloads) {
      for (const browser of browsers) {
        for (const subject of asked.subjects) {
          const name = `${run + 1}/${asked.runs} ${workload.padEnd(12)}${browser.name.padEnd(26)}${subject.padEnd(9)}`
          const metrics = await told(name, failures, () => browser.run(scene.pages, workload, subject))
          if (metrics) (runs[browser.name] ??= []).push({ workload, subject, run, metrics: rounded(metrics) })
        }
      }
    }
  }
  const results: BrowserResults = { date: today(), runs }
  say(`\n${browserTable(results)}\n`)
  if (failures.length > 0) {
    say(`${failures.length} of the runs failed; nothing is written:\n${failures.join('\n')}`)
    return 1
  }
  const all: Results = { ...readResults(), browsers: results }
  write(asked.out, all)
  if (asked.out === resultsFile) writeReadme(all)
  say(`written to ${asked.out}`)
  return 0
}

/** @returns the exit status */
export async function main(given: readonly string[]): Promise<number> {
  const asked = readArguments(given)
  if (asked.readmeOnly) {
    writeReadme(readResults())
    return 0
  }
  makeScratch()
  return withScene(asked, undefined, (scene) => {
    if (asked.compare !== undefined) return compare(asked, scene, asked.compare)
    return asked.browsers === undefined ? measure(asked, scene) : inBrowsers(asked, scene, asked.browsers)
  })
}
