/**
 * One file for four jobs: `vite` serves the demo with hot reload, `vite build` builds the package, `vite build --mode demo`
 * and `vite preview --mode demo` build and serve the demo, and Vitest takes its projects from here.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import type { Plugin, UserConfig } from 'vite'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { forPhones } from './demo/serve/for-phones.ts'
import { progressiveWebApp } from './demo/serve/pwa.ts'
import { syncServer } from './demo/serve/sync-server.ts'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const { dependencies, peerDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** The package by its public names, from its sources: tests and the served demo read as users' code. */
const fromSources = [
  { find: /^outpost$/, replacement: at('src/index.ts') },
  { find: /^outpost\/(worker|client|sync|react|dexie|server|testing)$/, replacement: `${at('src')}/$1/index.ts` },
]

/** Emits the declarations beside the code. TypeScript leaves `./x.ts` in them, which a consumer without that setting cannot follow. */
const declarations = (): Plugin => ({
  name: 'declarations',
  apply: 'build',
  closeBundle() {
    const { status, stdout } = spawnSync(at('node_modules/.bin/tsc'), ['-p', at('.config/tsconfig.build.json')], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    if (status !== 0) this.error(`The declarations do not compile:\n${stdout}`)
    for (const file of readdirSync(at('dist'), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.d.ts')) continue
      const text = readFileSync(at(`dist/${file}`), 'utf8')
      writeFileSync(at(`dist/${file}`), text.replace(/(\bfrom |\bimport\(|\bimport )(['"])(\.{1,2}\/[^'"]+)\.tsx?\2/g, '$1$2$3.js$2'))
    }
  },
})

const library: UserConfig = {
  plugins: [declarations()],
  build: {
    outDir: at('dist'),
    target: 'es2022',
    sourcemap: true,
    minify: false,
    lib: {
      entry: {
        'index': at('src/index.ts'),
        'worker/index': at('src/worker/index.ts'),
        'client/index': at('src/client/index.ts'),
        'sync/index': at('src/sync/index.ts'),
        'react/index': at('src/react/index.ts'),
        'dexie/index': at('src/dexie/index.ts'),
        'server/index': at('src/server/index.ts'),
        'server/bin': at('src/server/bin.ts'),
        'testing/index': at('src/testing/index.ts'),
      },
      formats: ['es'],
    },
    rolldownOptions: {
      external: [/^node:/, ...Object.keys({ ...dependencies, ...peerDependencies }).map((name) => new RegExp(`^${name}(/|$)`))],
      // One file a module: what a debugger shows is what the sources say, and declarations lie beside their code.
      output: { preserveModules: true, preserveModulesRoot: at('src'), entryFileNames: '[name].js' },
    },
  },
}

const port = process.env['PORT'] === undefined ? {} : { port: Number(process.env['PORT']), strictPort: true }
// Vite takes it by itself; what follows from it is said here.
const isForPhones = process.argv.some((word) => /^--host(=|$)/.test(word))
// Where `localhost` means ::1 first, a server bound to that name alone is not found at 127.0.0.1.
const address = { ...(isForPhones ? {} : { host: '127.0.0.1' }), ...port }

/** The production build takes the built package through its own `exports`, as an app of a user does. */
const asBuilt: typeof fromSources = []

const demo = (command: 'build' | 'serve', resolve: { readonly alias: typeof fromSources }): UserConfig => ({
  root: at('demo'),
  plugins: [
    react(),
    command === 'build' && progressiveWebApp(),
    command === 'serve' && isForPhones && forPhones(at('.cache/certificate')),
    command === 'serve' &&
      syncServer({
        module: at('demo/serve/stockroom-server.ts'),
        resolve,
        folder: process.env['SYNC_FOLDER'] ?? at('.cache/stockroom'),
        databaseUrl: process.env['DATABASE_URL'],
      }),
  ],
  resolve,
  cacheDir: at('.cache/vite'),
  build: { outDir: at('demo/dist'), emptyOutDir: true, target: 'es2022', sourcemap: true },
  worker: { format: 'es' },
  server: address,
  preview: { ...address, port: port.port ?? 4173 },
})

const inChromium = { environment: 'node', fileParallelism: false, maxWorkers: 1, testTimeout: 120_000, hookTimeout: 300_000 } as const

/** Serial where a project owns something that exists once: Chromium, the two processors, the built package. */
const projects: TestProjectInlineConfiguration[] = [
  {
    extends: true,
    test: {
      name: 'unit',
      environment: 'node',
      // Vitest leaves one processor out, which of two is half.
      maxWorkers: '100%',
      // Only what hangs is to fail by time: machines differ, and are shared.
      testTimeout: 60_000,
      include: ['test/**/*.test.{ts,tsx}'],
      exclude: ['test/{browser,long,bench,postgres}/**', 'test/{package,readme}.test.ts'],
    },
  },
  { extends: true, test: { name: 'package', ...inChromium, include: ['test/{package,readme}.test.ts'] } },
  {
    extends: true,
    test: {
      name: 'postgres',
      environment: 'node',
      fileParallelism: false,
      maxWorkers: 1,
      testTimeout: 60_000,
      // A bare machine installs PostgreSQL first.
      hookTimeout: 300_000,
      // Only what hangs is to fail by time: machines differ, and are shared.
      expect: { poll: { timeout: 20_000 } },
      include: ['test/postgres/**/*.test.ts'],
    },
  },
  { extends: true, test: { name: 'browser', ...inChromium, include: ['test/browser/**/*.test.{ts,tsx}'] } },
  {
    extends: true,
    test: { name: 'long', ...inChromium, testTimeout: 1_800_000, hookTimeout: 600_000, include: ['test/long/**/*.test.ts'] },
  },
  {
    extends: true,
    test: { name: 'bench', ...inChromium, testTimeout: 3_600_000, hookTimeout: 600_000, include: ['test/bench/**/*.bench.ts'] },
  },
]

export default defineConfig(({ command, mode, isPreview }) => {
  if (process.env['VITEST'] !== undefined) {
    return { resolve: { alias: fromSources }, cacheDir: at('.cache/vite'), test: { projects, reporters: ['default'] } }
  }
  return mode === 'demo' || command === 'serve'
    ? demo(command, { alias: command === 'serve' && isPreview !== true ? fromSources : asBuilt })
    : library
})
