/** The demo as it may be after its next release: the same, built again with another name on it. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bin, buildDemo, cache, root, run } from '../support/build.mjs'

/**
 * @param name stands in the page, where `buildOf` finds it
 * @returns the folder of its production build
 */
export function buildDemoAs(name: string): string {
  buildDemo()
  const [sources, outDir] = [join(cache, `demo-${name}`), join(cache, `demo-${name}-dist`)]
  rmSync(sources, { recursive: true, force: true })
  cpSync(join(root, 'demo'), sources, { recursive: true, filter: (path) => !path.startsWith(join(root, 'demo', 'dist')) })
  // Both scripts, so that neither is in two builds under one name.
  for (const [file, line] of [
    ['src/main.tsx', `document.documentElement.dataset['build'] = '${name}'`],
    ['src/app.worker.ts', `Object.assign(globalThis, { build: '${name}' })`],
  ] as const) {
    const path = join(sources, file)
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n${line}\n`)
  }
  run(bin('vite'), ['build', sources, '--config', join(root, 'vite.config.ts'), '--mode', 'demo', '--outDir', outDir, '--emptyOutDir'])
  rmSync(sources, { recursive: true })
  return outDir
}
