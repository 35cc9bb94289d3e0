/** Builds a page with Vite and serves it from 127.0.0.1, which browsers take for a secure origin. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type InlineConfig, mergeConfig } from 'vite'

const src = fileURLToPath(new URL('../../../src/', import.meta.url))

const MIME: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.csv': 'text/csv; charset=utf-8',
  '.gz': 'application/gzip',
}

export interface ServeOptions {
  /** Fixed where a browser that was killed shall find its origin again; else any free one. */
  readonly port?: number
  /** Added to every answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Answers a request itself where it returns true. */
  readonly respond?: (request: IncomingMessage, response: ServerResponse) => boolean
}

export interface PageOptions extends ServeOptions {
  /** A script, which gets an empty page (`/`). Give this or `root`. */
  readonly entry?: URL
  /** A folder with an `index.html`. */
  readonly root?: URL
  /** Merged over what is set here. */
  readonly vite?: InlineConfig
}

export interface Served {
  /** Ends with a slash. */
  readonly url: string
  close(): Promise<void>
}

/** The package goes by its public names (`outpost`, `outpost/worker` …), from its sources. Workers are built as modules. */
export async function buildAndServe({ entry, root, vite = {}, ...serving }: PageOptions): Promise<Served> {
  const outDir = await mkdtemp(join(tmpdir(), 'outpost-page-'))
  const config: InlineConfig = {
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(root ?? new URL('./', entry)),
    base: './',
    resolve: {
      alias: [
        { find: /^outpost$/, replacement: `${src}index.ts` },
        { find: /^outpost\/(\w+)$/, replacement: `${src}$1/index.ts` },
      ],
    },
    worker: { format: 'es' },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      minify: false,
      modulePreload: false,
      ...(entry && { rolldownOptions: { input: { entry: fileURLToPath(entry) }, output: { entryFileNames: '[name].js' } } }),
    },
  }
  await build(mergeConfig(config, vite))
  if (entry) {
    await writeFile(join(outDir, 'index.html'), '<!doctype html><meta charset="utf-8"><script type="module" src="./entry.js"></script>')
  }
  const served = await serve(outDir, serving)
  return {
    url: served.url,
    async close() {
      await served.close()
      await rm(outDir, { recursive: true })
    },
  }
}

/** Serves the files of one folder. */
export async function serve(folder: string, { port = 0, headers = {}, respond }: ServeOptions = {}): Promise<Served> {
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (respond?.(request, response)) return
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    // Normalized as an absolute path, it cannot leave the folder.
    const path = join(folder, normalize(decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname)))
    readFile(path).then(
      (body) => response.setHeader('content-type', MIME[extname(path)] ?? 'application/octet-stream').end(body),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
