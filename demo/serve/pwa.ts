/** Makes the production build an app that can be installed and starts without network: its manifest and its service worker. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Plugin, PluginOption } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'

const paper = '#f6f4ee'

export function progressiveWebApp(): PluginOption[] {
  let outDir = ''
  const whereItIsBuilt: Plugin = {
    name: 'where-it-is-built',
    configResolved: ({ root, build }) => void (outDir = resolve(root, build.outDir)),
  }
  const app = VitePWA({
    strategies: 'injectManifest',
    srcDir: 'src/offline',
    filename: 'service-worker.ts',
    injectRegister: false,
    includeManifestIcons: false,
    injectManifest: {
      rollupFormat: 'iife',
      // The manifest is added by the plugin.
      globPatterns: ['**/*.{html,js,css,svg,png}'],
      // What a file holds, not only what it is called: the service worker takes no other.
      manifestTransforms: [
        async (entries) => ({
          manifest: await Promise.all(
            entries.map(async ({ url, ...entry }) => ({ ...entry, url, integrity: await integrityOf(resolve(outDir, url)) })),
          ),
        }),
      ],
    },
    manifest: {
      id: '.',
      name: 'Stockroom',
      short_name: 'Stockroom',
      description: 'A warehouse’s stock book that works offline, in the browser.',
      lang: 'en',
      start_url: '.',
      scope: '.',
      display: 'standalone',
      background_color: paper,
      theme_color: paper,
      categories: ['business', 'productivity'],
      icons: [
        { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' },
        { src: 'icon-192.png', sizes: '192x192', type: 'image/png' },
        { src: 'icon-512.png', sizes: '512x512', type: 'image/png' },
        { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
      ],
    },
  })
  return [whereItIsBuilt, app]
}

const integrityOf = async (path: string): Promise<string> =>
  `sha384-${createHash('sha384')
    .update(await readFile(path))
    .digest('base64')}`
