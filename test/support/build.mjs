/**
 * Builds what tests need of the package and the demo, each only where its sources changed since.
 * `node test/support/build.mjs` builds and packs the package.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const cache = join(root, '.cache')
/** @type {{ name: string, version: string, exports: Record<string, unknown>, scripts: Record<string, string> }} */
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/**
 * Runs a command to its end. What a test runner adds to its surroundings is kept from it: a build would take it for its own mode.
 *
 * @param {string} command
 * @param {readonly string[]} rest
 * @param {string} [folder]
 * @returns {string} what it printed
 * @throws with what it printed, where it fails
 */
export function run(command, rest, folder = root) {
  const added = /^(NODE_ENV|VITEST.*|TEST|DEV|PROD|MODE|SSR|BASE_URL)$/
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !added.test(name)))
  const { status, stdout, stderr } = spawnSync(command, [...rest], {
    cwd: folder,
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`${command} ${rest.join(' ')} failed:\n${stdout}${stderr}`)
  return stdout
}

/** @param {string} tool installed in a folder's node_modules */
export const bin = (tool, folder = root) => join(folder, 'node_modules', '.bin', tool)

/** @param {readonly string[]} paths files and folders below the root */
function fingerprint(paths) {
  const hash = createHash('sha256')
  const files = paths.flatMap((path) =>
    statSync(join(root, path)).isFile()
      ? [path]
      : readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
          .map((name) => join(path, name))
          .filter((name) => !name.startsWith(join('demo', 'dist')) && statSync(join(root, name)).isFile())
          .sort(),
  )
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/**
 * @param {string} name of the stamp
 * @param {readonly string[]} sources
 * @param {string} result a file that the build makes
 * @param {() => void} build
 */
function upToDate(name, sources, result, build) {
  const stamp = join(cache, `${name}.stamp`)
  const now = fingerprint(sources)
  if (existsSync(join(root, result)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return
  build()
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp, now)
}

const ofPackage = ['src', 'package.json', 'package-lock.json', 'vite.config.ts', 'tsconfig.json', '.config/tsconfig.build.json']

/** The package in `dist/`. */
export function buildPackage() {
  upToDate('package', ofPackage, 'dist/index.d.ts', () => run('npm', ['run', 'build']))
}

/** @returns {string} the tarball that would be published */
export function packPackage() {
  buildPackage()
  const tarball = join('.cache', `${manifest.name}-${manifest.version}.tgz`)
  const texts = existsSync(join(root, 'README.md')) ? ['README.md', 'LICENSE'] : ['LICENSE']
  upToDate('tarball', [...ofPackage, ...texts], tarball, () => run('npm', ['pack', '--ignore-scripts', '--pack-destination', cache]))
  return join(root, tarball)
}

/** @returns {string} the folder of the demo's production build */
export function buildDemo() {
  buildPackage()
  upToDate('demo', [...ofPackage, 'demo'], 'demo/dist/index.html', () => run(bin('vite'), ['build', '--mode', 'demo']))
  return join(root, 'demo/dist')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(`${packPackage()}\n`)
