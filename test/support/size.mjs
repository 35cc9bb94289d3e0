/**
 * What each door costs a page: everything it exports with all its dependencies, bundled and minified as an app's build does it.
 * zod, React and drivers of databases are the app’s own and left out. `npm run size` prints the table and writes it to `.cache/size.json`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'vite'
import { buildPackage, cache, manifest, root } from './build.mjs'

/** Most that a door may weigh, gzipped: kB of 1000 bytes. @type {Readonly<Record<string, number>>} */
export const budgets = {
  'outpost': 10,
  'outpost/worker': 60,
  'outpost/client': 10,
  'outpost/sync': 15.6,
  'outpost/react': 3,
  'outpost/dexie': 35,
  'outpost/server': 62,
  // With all that a simulation joins, the server too; it comes when one is begun.
  'outpost/testing': 125,
}

/** Doors of which only counts what they add to the one that they run beside. @type {Readonly<Record<string, string>>} */
const beside = { 'outpost/sync': 'outpost/worker' }

/** @typedef {{ readonly minified: number, readonly gzip: number, readonly brotli: number }} Size bytes */
/**
 * `wide`: characters beyond Latin-1. One of them, and V8 keeps the whole script in two bytes a character: a start with 50,000 rows
 * took 4 % longer.
 * @typedef {Size & { readonly wide: number }} Weight
 */

/**
 * @param {string} code of the entry
 * @returns {Promise<Weight>}
 */
export async function measure(code) {
  const entry = join(root, 'size-entry.js')
  const result = await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: entry,
        external: [/^zod(\/|$)/, /^react(-dom)?(\/|$)/, /^pg$/, /^@electric-sql\/pglite$/, /^node:/],
        preserveEntrySignatures: 'strict',
      },
    },
    plugins: [
      {
        name: 'entry',
        resolveId: { order: 'pre', handler: (id) => (id === entry ? entry : undefined) },
        load: (id) => (id === entry ? { code, moduleSideEffects: true } : undefined),
      },
    ],
  })
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((part) => ('output' in part ? part.output : []))
  const text = outputs.map((part) => (part.type === 'chunk' ? part.code : '')).join('')
  return {
    minified: Buffer.byteLength(text),
    gzip: gzipSync(text, { level: 9 }).length,
    brotli: brotliCompressSync(text).length,
    wide: text.match(/[^\0-\xff]/g)?.length ?? 0,
  }
}

/**
 * @returns {Promise<Record<string, Weight>>} by the door's public name
 */
export async function measureDoors() {
  buildPackage()
  /** @type {Record<string, Weight>} */
  const sizes = {}
  for (const door of Object.keys(manifest.exports)) {
    const name = manifest.name + door.slice(1)
    const other = beside[name]
    const whole = await measure([name, other].flatMap((each) => (each === undefined ? [] : [`export * from '${each}'`])).join('\n'))
    sizes[name] = other === undefined ? whole : less(whole, await measure(`export * from '${other}'`))
  }
  return sizes
}

/**
 * @param {Weight} whole
 * @param {Weight} part
 * @returns {Weight}
 */
const less = (whole, part) => ({
  minified: whole.minified - part.minified,
  gzip: whole.gzip - part.gzip,
  brotli: whole.brotli - part.brotli,
  wide: whole.wide - part.wide,
})

/** @param {number} bytes */
export const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const sizes = await measureDoors()
  const line = (/** @type {readonly string[]} */ cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(12))).join('')
  const table = [
    line(['door', 'minified', 'gzip', 'brotli', 'budget']),
    ...Object.entries(sizes).map(([name, { minified, gzip, brotli }]) =>
      line([name, kB(minified), kB(gzip), kB(brotli), `${budgets[name] ?? '–'} kB`]),
    ),
  ].join('\n')
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, 'size.json'), `${JSON.stringify(sizes, undefined, 2)}\n`)
  writeFileSync(join(cache, 'size.txt'), `${table}\n`)
  process.stdout.write(`${table}\n`)
}
