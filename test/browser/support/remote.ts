/** A page of these tests, spoken to by the functions that it exposes (see pages/control.ts). */
import type { BrowserContext, Page } from 'playwright-core'

export interface Remote<Api> {
  readonly page: Page
  /** Errors arrive with their message only; what a test expects to fail is answered as data. */
  call<Name extends keyof Api & string>(
    name: Name,
    ...args: Api[Name] extends (...given: infer Args) => unknown ? Args : never
  ): Promise<Api[Name] extends (...given: never[]) => infer Result ? Awaited<Result> : never>
}

/** @param url of the page; `#…` where the page reads it */
export async function openRemote<Api>(context: BrowserContext, url: string): Promise<Remote<Api>> {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction(() => 'remote' in globalThis)
  return {
    page,
    call: (name, ...args) =>
      page.evaluate(([method, given]) => (globalThis as unknown as Exposed).remote[method]?.(...given), [name, args] as const) as never,
  }
}

interface Exposed {
  readonly remote: Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
}
