/** The pages that are measured: production builds, served with what precise clocks need. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'vite'
import { serve, type Served } from '../browser/support/serve.ts'
import { bin, buildDemo, buildPackage, root, run } from '../support/build.mjs'
import { driven, Switchboard } from './browsers/switchboard.ts'
import type { Size } from '../support/size.mjs'

const folder = fileURLToPath(new URL('./pages/', import.meta.url))
const scripts = {
  'outpost': 'outpost/main.ts',
  'put': 'raw/put.ts',
  'worker': 'raw/worker.ts',
  'raw-import': 'raw/import.ts',
  'sync': 'sync/main.ts',
  'scale': 'scale/main.ts',
}

/** Isolated from other origins, a page's clock ticks every 5 µs instead of every 100. */
const headers = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

export interface PagesOptions {
  /** Names as they are written, for profiles. */
  readonly minify: boolean
  /** A file, served to the pages as `orders.csv.gz`. */
  readonly orders: string
  /** Another checkout of the project: these pages, with its package in them; and its demo. */
  readonly tree?: string
}

export interface Pages {
  /** One folder a subject, ends with a slash. */
  readonly url: string
  /** Built and served when it is first asked for. */
  demo(): Promise<Served>
  /** Drives their `driven.html`, which is each of them for a browser that nobody drives. */
  readonly switchboard: Switchboard
  /** Bytes of all scripts of a page and its worker. */
  size(name: keyof typeof scripts): Promise<Size>
  close(): Promise<void>
}

export async function buildPages({ minify, orders, tree }: PagesOptions): Promise<Pages> {
  if (tree === undefined) buildPackage()
  else run('npm', ['run', 'build'], tree)
  const outDir = await mkdtemp(join(tmpdir(), 'outpost-bench-'))
  for (const [name, script] of Object.entries(scripts)) {
    await build({
      configFile: false,
      root: folder,
      base: './',
      logLevel: 'warn',
      ...(tree !== undefined && { resolve: { alias: packageOf(tree) } }),
      worker: { format: 'es', rolldownOptions: { output: { keepNames: !minify } } },
      build: {
        outDir: join(outDir, name),
        emptyOutDir: true,
        target: 'es2022',
        minify,
        modulePreload: false,
        rolldownOptions: { input: { main: join(folder, script) }, output: { entryFileNames: '[name].js' } },
      },
    })
    const page = `<!doctype html><meta charset="utf-8"><title>${name}</title><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>`
    await writeFile(join(outDir, name, 'index.html'), page)
    await writeFile(join(outDir, name, 'driven.html'), `${page}${driven}`)
  }
  await copyFile(orders, join(outDir, 'raw-import', 'orders.csv.gz'))
  const switchboard = new Switchboard()
  const served = await serve(outDir, { headers, respond: switchboard.respond })
  let demo: Promise<Served> | undefined
  return {
    url: served.url,
    switchboard,
    demo: () =>
      (demo ??= serve(minify && tree === undefined ? buildDemo() : buildOtherDemo(join(outDir, 'demo'), { minify, tree }), { headers })),
    size: (name) => sizeOf(join(outDir, name)),
    async close() {
      await Promise.all([served.close(), demo?.then((demo) => demo.close())])
      await rm(outDir, { recursive: true })
    },
  }
}

/** What this project's pages import, from another tree: its package as it was built, and what that shares with them. */
const packageOf = (tree: string) => [
  { find: /^outpost$/, replacement: join(tree, 'dist/index.js') },
  { find: /^outpost\/(\w+)$/, replacement: join(tree, 'dist/$1/index.js') },
  { find: /^(zod|rxjs)$/, replacement: join(tree, 'node_modules/$1') },
]

function buildOtherDemo(outDir: string, { minify, tree = root }: { readonly minify: boolean; readonly tree: string | undefined }): string {
  run(bin('vite', tree), ['build', '--mode', 'demo', ...(minify ? [] : ['--minify', 'false']), '--outDir', outDir], tree)
  return outDir
}

async function sizeOf(folder: string): Promise<Size> {
  const size = { minified: 0, gzip: 0, brotli: 0 }
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.js')) continue
    const text = await readFile(join(folder, file))
    size.minified += text.length
    size.gzip += gzipSync(text, { level: 9 }).length
    size.brotli += brotliCompressSync(text).length
  }
  return size
}
