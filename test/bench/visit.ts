/** A browser of its own for each run: fresh profile on disk, nothing left of the run before. */
import type { BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../browser/support/chromium.ts'

export interface Visit {
  /** A new page at this address. Its errors fail the visit. */
  page(url: string): Promise<Page>
  readonly context: BrowserContext
}

/**
 * @param expected errors that belong to the visit, as those of a network that is not there
 * @throws where a page reported another error, whatever else the visit came to
 */
export async function visit<T>(work: (visit: Visit) => Promise<T>, expected?: RegExp): Promise<T> {
  const context = await launchChromium({
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
