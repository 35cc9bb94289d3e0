/**
 * Measures Outpost in a real Chromium beside the same done by hand:
 *
 *     npm run bench                                       all workloads, 5 runs; results.json and the README follow
 *     npm run bench -- --workload seq,burst --runs 3      some of them, written to .cache/bench.json
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
import { runDemoImport, runRawImport } from './import-run.ts'
import { type Orders, readOrders } from './orders.ts'
import { buildPages } from './pages.ts'
import type { Results, Run } from './results.ts'
import { deviceWorkloads } from './sync/device-workloads.ts'
import { Rig } from './sync/rig.ts'
import { serverWorkloads } from './sync/server-workloads.ts'
import { syncTables } from './sync-table.ts'
import { speedTable, withResults } from './table.ts'
import { runTasks, taskWorkloads } from './tasks-run.ts'

export const resultsFile = fileURLToPath(new URL('./results.json', import.meta.url))
const readmeFile = join(root, 'README.md')
const subjects: readonly SubjectName[] = ['outpost', 'put', 'worker']
const syncWorkloads = { ...deviceWorkloads, ...serverWorkloads }
const workloads = [...Object.keys(taskWorkloads), 'import', ...Object.keys(syncWorkloads)]

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
      readme: { type: 'boolean', default: false },
    },
  })
  const listed = (value: string | undefined, known: readonly string[]): readonly string[] => {
    const names = value?.split(',') ?? known
    const unknown = names.filter((name) => !known.includes(name))
    if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(', ')}. There are ${known.join(', ')}.`)
    return names
  }
  const isWhole = values.workload === undefined && values.subject === undefined && values.profile === undefined
  const runs = Number(values.runs ?? (values.profile === undefined ? 5 : 1))
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a whole number from 1, not "${values.runs}".`)
  return {
    workloads: listed(values.workload, workloads),
    subjects: listed(values.subject, subjects) as readonly SubjectName[],
    runs,
    out: values.out ? resolve(values.out) : isWhole ? resultsFile : join(cache, 'bench.json'),
    isWhole,
    profile: values.profile === undefined ? undefined : { folder: resolve(values.profile), show: say },
    readmeOnly: values.readme,
  }
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
}

async function versions(): Promise<Record<string, string>> {
  const context = await launchChromium()
  const chromium = context.browser()?.version() ?? 'unknown'
  await context.close()
  const libraries = ['dexie', 'rxjs', 'comlink', 'zod', 'react'].map((name) => [name, versionOf(name)])
  return {
    [manifest.name]: manifest.version,
    chromium,
    node: process.version.slice(1),
    ...(Object.fromEntries(libraries) as Record<string, string>),
  }
}

const machine = (): Results['machine'] => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 2 ** 30),
  os: `${type()} ${release()}`,
})

/** Five digits: more would only make the file longer. */
const rounded = (metrics: Metrics): Metrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(5))]))

/** @returns undefined where the workload has no such equivalent */
async function runOne(rig: Rig, orders: Orders, workload: string, subject: SubjectName): Promise<Metrics | undefined> {
  const { pages, profile } = rig
  const withServer = syncWorkloads[workload]
  if (withServer) return subject === 'outpost' ? withServer(rig) : undefined
  if (workload !== 'import') return runTasks(pages, workload, subject, profile)
  if (subject === 'outpost') return runDemoImport(pages, orders, profile)
  return subject === 'worker' ? runRawImport(pages, orders, profile) : undefined
}

const write = (file: string, results: Results): void => {
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  if (file === resultsFile) runTool(bin('oxfmt'), [file])
}

const writeReadme = (results: Results): void => writeFileSync(readmeFile, withResults(readFileSync(readmeFile, 'utf8'), results))

/** @returns the exit status */
export async function main(given: readonly string[]): Promise<number> {
  const asked = readArguments(given)
  if (asked.readmeOnly) {
    writeReadme(JSON.parse(readFileSync(resultsFile, 'utf8')) as Results)
    return 0
  }
  const orders = readOrders()
  const runs: Run[] = []
  const failures: string[] = []
  const pages = await buildPages({ minify: asked.profile === undefined, orders: orders.path })
  const rig = new Rig(pages, asked.profile)
  try {
    for (let run = 0; run < asked.runs; run++) {
      for (const workload of asked.workloads) {
        for (const subject of asked.subjects) {
          try {
            const metrics = await runOne(rig, orders, workload, subject)
            if (metrics === undefined) continue
            runs.push({ workload, subject, run, metrics: rounded(metrics) })
            const shown = Object.entries(metrics).map(([name, value]) => `${name} ${round(value)}`)
            say(`${run + 1}/${asked.runs} ${workload.padEnd(16)}${subject.padEnd(9)}${shown.join('  ')}`)
          } catch (error) {
            failures.push(`${run + 1}/${asked.runs} ${workload} ${subject}: ${error instanceof Error ? error.message : String(error)}`)
            say(`FAILED ${failures.at(-1)}`)
          }
        }
      }
    }
  } finally {
    try {
      await rig.close()
    } finally {
      await pages.close()
    }
  }
  if (asked.profile !== undefined) return failures.length === 0 ? 0 : 1
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: await versions(),
    orders: { source: orders.source, lines: orders.lines, units: orders.expected.unitsPicked },
    runs,
    sizes: await measureDoors(),
  }
  say(`\n${[speedTable(results), ...syncTables(results)].join('\n\n')}\n`)
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
