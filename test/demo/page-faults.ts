/** What is wrong with a page as it stands: it scrolls sideways, or a person with some hindrance cannot use it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** Phone and desk, by day and by night. */
export const looks = [
  { name: 'phone', viewport: { width: 360, height: 740 } },
  { name: 'desk', viewport: { width: 1280, height: 860 } },
].flatMap(({ name, viewport }) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ name: `${name}, ${colorScheme}`, viewport, colorScheme })),
)

let axe: string | undefined

export async function faults(page: Page): Promise<string[]> {
  const { scrollWidth, clientWidth } = await page.evaluate(() => ({
    scrollWidth: document.documentElement.scrollWidth,
    clientWidth: document.documentElement.clientWidth,
  }))
  await page.evaluate((axe ??= readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')))
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as AxeResults
  return [
    ...(scrollWidth > clientWidth ? [`scrolls sideways: ${scrollWidth} px in ${clientWidth} px`] : []),
    ...violations.map(({ impact, id, nodes }) => `${impact ?? ''} ${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`),
  ]
}
