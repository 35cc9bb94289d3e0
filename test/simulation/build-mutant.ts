/** Builds the hall's run over patched sources. */
import { rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'vite'
import type * as HallRun from './hall-run.ts'
import type { Patch } from './mutants.ts'

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** @throws Error where a text that is to be patched is not there, or more than once: the sources have moved on, and the mutant has not */
export async function buildMutant(name: string, patches: readonly Patch[]): Promise<typeof HallRun> {
  const outDir = at(`.cache/mutants/${name.replace(/\W+/g, '-')}`)
  const applied = new Set<Patch>()
  const plugin: Plugin = {
    name: 'mutant',
    enforce: 'pre',
    transform(code, id) {
      let patched = code
      for (const patch of patches) {
        if (id !== at(`src/${patch.file}`)) continue
        const parts = patched.split(patch.find)
        if (parts.length !== 2) throw new Error(`${patch.file} holds ${parts.length - 1} times what is to be patched: ${patch.find}`)
        patched = parts.join(patch.replace)
        applied.add(patch)
      }
      return patched === code ? undefined : patched
    },
  }
  rmSync(outDir, { recursive: true, force: true })
  await build({
    configFile: false,
    root: at('.'),
    logLevel: 'silent',
    resolve: {
      alias: [
        { find: /^outpost$/, replacement: at('src/index.ts') },
        { find: /^outpost\/(\w+)$/, replacement: at('src/$1/index.ts') },
      ],
    },
    plugins: [plugin],
    build: { ssr: at('test/simulation/hall-run.ts'), outDir, emptyOutDir: true, target: 'es2022', minify: false },
  })
  const missed = patches.filter((patch) => !applied.has(patch))
  if (missed.length > 0) throw new Error(`${missed.map(({ file }) => file).join(', ')} is not part of what was built.`)
  return (await import(/* @vite-ignore */ pathToFileURL(`${outDir}/hall-run.js`).href)) as typeof HallRun
}
