/** Firefox and WebKitGTK as their users start them, on a profile of their own on disk. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { atEnd } from '../scratch.ts'

export const otherBrowsers = ['firefox', 'webkit'] as const
export type OtherBrowser = (typeof otherBrowsers)[number]

interface Way {
  readonly variable: string
  readonly names: readonly string[]
  /** Folders beside those on PATH. */
  readonly places: () => readonly string[]
  readonly install: string
  readonly command: (program: string, ...options: readonly string[]) => readonly string[]
  /** What it is to open. */
  readonly opening: (profile: string, url: string) => readonly string[]
  readonly environment: (profile: string) => NodeJS.ProcessEnv
  readonly prepare: (profile: string) => void
}

/** What a new profile of Firefox would otherwise ask, show or fetch. */
const firefoxPreferences = {
  'browser.shell.checkDefaultBrowser': false,
  'browser.aboutwelcome.enabled': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
}

const isRoot = process.getuid?.() === 0

const ways: Readonly<Record<OtherBrowser, Way>> = {
  firefox: {
    variable: 'OUTPOST_FIREFOX',
    names: ['firefox-esr', 'firefox'],
    places: () => [],
    install: 'apt-get install firefox-esr',
    command: (program, ...options) => [program, '--headless', ...options],
    opening: (profile, url) => ['--no-remote', '--profile', profile, url],
    environment: () => ({}),
    prepare: (profile) => {
      const lines = Object.entries(firefoxPreferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`)
      writeFileSync(join(profile, 'user.js'), `${lines.join('\n')}\n`)
    },
  },
  webkit: {
    variable: 'OUTPOST_WEBKIT',
    names: ['MiniBrowser'],
    // Debian keeps it beside its library, a folder an architecture.
    places: () =>
      ['/usr/lib', '/usr/libexec'].flatMap((folder) =>
        existsSync(folder)
          ? [folder, ...readdirSync(folder).map((name) => join(folder, name))].flatMap((each) =>
              ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0'].map((name) => join(each, name)),
            )
          : [],
      ),
    install: 'apt-get install webkit2gtk-driver xvfb xauth',
    // It has no mode without a screen.
    command: (program, ...options) => ['xvfb-run', '--auto-servernum', program, ...options],
    opening: (_, url) => [url],
    environment: (profile) => ({
      HOME: profile,
      ...Object.fromEntries(['DATA', 'CACHE', 'CONFIG', 'STATE'].map((kind) => [`XDG_${kind}_HOME`, join(profile, kind.toLowerCase())])),
      // Its sandbox cannot be had as root.
      ...(isRoot && { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' }),
    }),
    prepare: () => undefined,
  },
}

/** @throws where there is none, with what to do */
export function findOther(browser: OtherBrowser): string {
  const { variable, names, places, install } = ways[browser]
  const chosen = process.env[variable]
  if (chosen) return chosen
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...places()]
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
  if (found === undefined) throw new Error(`There is no ${browser} here: ${install}, or set ${variable} to its path.`)
  return found
}

/** As it calls itself. */
export function versionOfOther(browser: OtherBrowser): string {
  const [program = '', ...rest] = ways[browser].command(findOther(browser), '--version')
  const { stdout, stderr, error } = spawnSync(program, rest, { encoding: 'utf8' })
  if (error !== undefined) throw new Error(`${program} cannot be started (${error.message}): ${ways[browser].install}.`)
  const version = /(Firefox|WebKitGTK) [\d.]+\w*/.exec(stdout)?.[0]
  if (version === undefined) throw new Error(`${program} does not tell its version: ${stdout}${stderr}`)
  return version
}

/** A browser of its own for this, on a fresh profile, that opens this address first. */
export async function withOther<T>(browser: OtherBrowser, url: string, work: () => Promise<T>): Promise<T> {
  const { command, opening, environment, prepare } = ways[browser]
  const profile = await mkdtemp(join(tmpdir(), `outpost-${browser}-`))
  prepare(profile)
  const [program = '', ...rest] = command(findOther(browser), ...opening(profile, url))
  // A group of its own, so that it ends with all its processes.
  const child = spawn(program, rest, { detached: true, stdio: 'ignore', env: { ...process.env, ...environment(profile) } })
  atEnd(() => void end(child))
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`${browser} ended (${code ?? signal}).`)))
  })
  try {
    return await Promise.race([work(), failed])
  } finally {
    failed.catch(() => undefined)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (end(child)) await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
  }
}

/** @returns false where it has ended already */
function end({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (pid === undefined || exitCode !== null || signalCode !== null) return false
  try {
    process.kill(-pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}
