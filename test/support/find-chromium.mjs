/**
 * Where this machine's Chromium is. Looked for, in this order: the environment variable OUTPOST_CHROMIUM, the usual names on
 * PATH, the usual places of macOS and Windows, Playwright's own browsers. `node test/support/find-chromium.mjs` prints it.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const places = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
]
/** Inside one of Playwright's `chromium-<revision>` folders, by platform. */
const inRevision = [
  'chrome-linux/chrome',
  'chrome-linux64/chrome',
  'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
  'chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  'chrome-mac-x64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  'chrome-win/chrome.exe',
  'chrome-win64/chrome.exe',
]

/** @returns {string[]} newest revision first */
function ofPlaywright() {
  const caches = [
    process.env['PLAYWRIGHT_BROWSERS_PATH'],
    join(homedir(), '.cache/ms-playwright'),
    join(homedir(), 'Library/Caches/ms-playwright'),
    process.env['LOCALAPPDATA'] && join(process.env['LOCALAPPDATA'], 'ms-playwright'),
  ]
  return caches
    .filter((cache) => cache !== undefined && existsSync(cache))
    .flatMap((cache) =>
      readdirSync(/** @type {string} */ (cache))
        .filter((name) => /^chromium-\d+$/.test(name))
        .sort((a, b) => Number(b.slice(9)) - Number(a.slice(9)))
        .flatMap((revision) => inRevision.map((path) => join(/** @type {string} */ (cache), revision, path))),
    )
}

/**
 * True where it starts: Ubuntu has a `chromium-browser` that only says where to get one.
 *
 * @param {string} path
 */
function runs(path) {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return false
  }
  // On Windows `--version` opens a window instead of answering.
  return process.platform === 'win32' || spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0
}

/**
 * @returns {string | undefined} an executable that starts
 * @throws where OUTPOST_CHROMIUM names something that does not start
 */
export function findChromium() {
  const chosen = process.env['OUTPOST_CHROMIUM']
  if (chosen) {
    if (runs(chosen)) return chosen
    throw new Error(`OUTPOST_CHROMIUM is "${chosen}", which cannot be started: give the path of a Chromium or Chrome, or unset it.`)
  }
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return [...names.flatMap((name) => onPath.map((folder) => join(folder, name))), ...places, ...ofPlaywright()].find(runs)
}

function canInstall() {
  const isRoot = process.getuid?.() === 0
  return isRoot && existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'))
}

/**
 * @returns {string} an executable that starts; on Debian as root installed where there was none
 * @throws an error that says what to do
 */
export function ensureChromium() {
  const found = findChromium()
  if (found) return found
  if (canInstall()) {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    for (const rest of [['update'], ['install', '-y', 'chromium']])
      spawnSync('apt-get', rest, { stdio: ['ignore', process.stderr, process.stderr], env: environment })
    const installed = findChromium()
    if (installed) return installed
  }
  throw new Error(
    'There is no Chromium here. Install one (Debian: apt-get install chromium; elsewhere: npx playwright-core install chromium), ' +
      'or set OUTPOST_CHROMIUM to the path of a Chromium or Chrome.',
  )
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(`${ensureChromium()}\n`)
