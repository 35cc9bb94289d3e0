/**
 * Where this machine's PostgreSQL server is. Looked for, in this order: the folder that the environment variable OUTPOST_POSTGRES
 * names, Debian's folders (newest first), the folders on PATH, Homebrew's. `node test/support/find-postgres.mjs` prints it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const OLDEST = 15

/** @returns {string[]} newest version first */
function ofDebian() {
  const folder = '/usr/lib/postgresql'
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(folder, version, 'bin'))
}

/**
 * True where it holds a server that is new enough, and what makes its data.
 *
 * @param {string} folder
 */
function serves(folder) {
  if (!existsSync(join(folder, 'initdb'))) return false
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8', timeout: 30_000 })
  return Number(/(\d+)(\.\d+|devel|beta|rc)/.exec(stdout ?? '')?.[1] ?? 0) >= OLDEST
}

/**
 * @returns {string | undefined} the folder of `initdb` and `postgres`
 * @throws where OUTPOST_POSTGRES names a folder without them
 */
export function findPostgres() {
  const chosen = process.env['OUTPOST_POSTGRES']
  if (chosen) {
    if (serves(chosen)) return chosen
    throw new Error(
      `OUTPOST_POSTGRES is "${chosen}", which holds no PostgreSQL ${OLDEST} or newer: give the folder of initdb and postgres, or unset it.`,
    )
  }
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return [...ofDebian(), ...onPath, '/opt/homebrew/opt/postgresql/bin', '/usr/local/opt/postgresql/bin'].find(serves)
}

function canInstall() {
  const isRoot = process.getuid?.() === 0
  return isRoot && existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'))
}

/**
 * @returns {string} the folder of `initdb` and `postgres`; on Debian as root installed where there was none
 * @throws an error that says what to do
 */
export function ensurePostgres() {
  const found = findPostgres()
  if (found) return found
  if (canInstall()) {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    for (const rest of [['update'], ['install', '-y', 'postgresql']])
      spawnSync('apt-get', rest, { stdio: ['ignore', process.stderr, process.stderr], env: environment })
    const installed = findPostgres()
    if (installed) return installed
  }
  throw new Error(
    `There is no PostgreSQL ${OLDEST} or newer here. Install one (Debian: apt-get install postgresql; macOS: brew install postgresql), ` +
      'or set OUTPOST_POSTGRES to the folder of its initdb and postgres.',
  )
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(`${ensurePostgres()}\n`)
