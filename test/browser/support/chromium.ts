/** A real Chromium with its profile on disk, so that IndexedDB is what users have (a context without profile keeps it in memory). */
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

export interface LaunchOptions {
  /** Kept when the browser closes; without it a new one is made, and removed on closing. */
  readonly profileDir?: string
  readonly args?: readonly string[]
}

export async function launchChromium({ profileDir, args = [] }: LaunchOptions = {}): Promise<BrowserContext> {
  const profile = profileDir ?? (await mkdtemp(join(tmpdir(), 'outpost-profile-')))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...args],
  })
  if (profileDir === undefined) {
    const close = context.close.bind(context)
    context.close = async (options) => {
      await close(options)
      // The browser goes on writing for a moment after it said that it closed.
      await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    }
  }
  return context
}

/** `OUTPOST_CHROMIUM`, else the usual names on the path, else the one that Playwright installed. */
export function findChromium(): string {
  const named = process.env['OUTPOST_CHROMIUM']
  if (named !== undefined && named !== '') return named
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
  if (found !== undefined) return found
  const own = chromium.executablePath()
  if (existsSync(own)) return own
  throw new Error('No Chromium found: install one (Debian: apt-get install chromium), or say where it is with OUTPOST_CHROMIUM.')
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
