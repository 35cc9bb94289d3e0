/** A browser of its own for each run: fresh profile on disk, nothing left of the run before. */
import { cp, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../browser/support/chromium.ts'

export interface Visit {
  /** A new page at this address. Its errors fail the visit. */
  page(url: string): Promise<Page>
  readonly context: BrowserContext
}

export interface VisitOptions {
  /** Errors that belong to the visit, as those of a network that is not there. */
  readonly expected?: RegExp | undefined
  /** The profile to go on with; it stays. */
  readonly profileDir?: string
  /** A profile of which the visit gets a copy. */
  readonly from?: string
}

/** @throws where a page reported an error that was not expected, whatever else the visit came to */
export async function visit<T>(work: (visit: Visit) => Promise<T>, { expected, profileDir, from }: VisitOptions = {}): Promise<T> {
  if (from !== undefined) return withCopy(from, (copy) => visit(work, { expected, profileDir: copy }))
  const context = await launchChromium({
    ...(profileDir !== undefined && { profileDir }),
    args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const problems: string[] = []
  context.on('weberror', (error) => problems.push(error.error().message))
  context.on('console', (message) => {
    if (message.type() === 'error' && !expected?.test(message.text())) problems.push(message.text())
  })
  try {
    const result = await work({
      context,
      async page(url) {
        const page = await context.newPage()
        await page.goto(url)
        return page
      },
    })
    if (problems.length > 0) throw new Error('the page reported errors')
    return result
  } catch (error) {
    throw new Error([error instanceof Error ? error.message : String(error), ...new Set(problems)].join('\n'), { cause: error })
  } finally {
    await context.close()
  }
}

async function withCopy<T>(profile: string, work: (copy: string) => Promise<T>): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'outpost-profile-'))
  try {
    await cp(profile, copy, { recursive: true })
    await writtenOut(copy)
    return await work(copy)
  } finally {
    // The browser goes on writing for a moment after it said that it closed.
    await rm(copy, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

/** Resolves when the disk has all of it: what the system writes out later would slow down what is measured. */
async function writtenOut(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = await open(join(entry.parentPath, entry.name), 'r+')
    await file.sync()
    await file.close()
  }
}
