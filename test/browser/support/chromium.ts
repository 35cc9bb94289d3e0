/** A real Chromium with its profile on disk, so that IndexedDB is what users have (a context without profile keeps it in memory). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { ensureChromium } from '../../support/find-chromium.mjs'

/** Looking starts each candidate, so it is done once. */
let executablePath: string | undefined

export interface LaunchOptions {
  /** Kept when the browser closes; without it a new one is made, and removed on closing. */
  readonly profileDir?: string
  readonly args?: readonly string[]
  /** `block` where a test stands between the page and its server: what a service worker answers never comes that way. */
  readonly serviceWorkers?: 'allow' | 'block'
}

export async function launchChromium({ profileDir, args = [], serviceWorkers = 'allow' }: LaunchOptions = {}): Promise<BrowserContext> {
  const profile = profileDir ?? (await mkdtemp(join(tmpdir(), 'outpost-profile-')))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: (executablePath ??= ensureChromium()),
    headless: true,
    serviceWorkers,
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
