/** The pages that are measured: production builds, served with what precise clocks need. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { serve, type Served } from '../browser/support/serve.ts'
import { bin, buildDemo, buildPackage, root, run } from '../support/build.mjs'

const folder = fileURLToPath(new URL('./pages/', import.meta.url))
const scripts = {
  'outpost': 'outpost/main.ts',
  'put': 'raw/put.ts',
  'worker': 'raw/worker.ts',
  'raw-import': 'raw/import.ts',
  'sync': 'sync/main.ts',
}

/** Isolated from other origins, a page's clock ticks every 5 µs instead of every 100. */
const headers = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

export interface PagesOptions {
  /** Names as they are written, for profiles. */
  readonly minify: boolean
  /** A file, served to the pages as `orders.csv.gz`. */
  readonly orders: string
}

export interface Pages {
  /** One folder a subject, ends with a slash. */
  readonly url: string
  readonly demo: Served
  close(): Promise<void>
}

export async function buildPages({ minify, orders }: PagesOptions): Promise<Pages> {
  buildPackage()
  const outDir = await mkdtemp(join(tmpdir(), 'outpost-bench-'))
  for (const [name, script] of Object.entries(scripts)) {
    await build({
      configFile: false,
      root: folder,
      base: './',
      logLevel: 'warn',
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
  }
  await copyFile(orders, join(outDir, 'raw-import', 'orders.csv.gz'))
  const demoDir = minify ? buildDemo() : buildReadableDemo(join(outDir, 'demo'))
  const [served, demo] = await Promise.all([serve(outDir, { headers }), serve(demoDir, { headers })])
  return {
    url: served.url,
    demo,
    async close() {
      await Promise.all([served.close(), demo.close()])
      await rm(outDir, { recursive: true })
    },
  }
}

function buildReadableDemo(outDir: string): string {
  run(bin('vite'), ['build', '--mode', 'demo', '--minify', 'false', '--outDir', outDir], root)
  return outDir
}
