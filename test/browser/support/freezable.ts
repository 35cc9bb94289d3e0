/**
 * A Chromium whose tabs can be frozen. Pages that Playwright launches itself are kept awake (it has them believe that they have the
 * focus); so this browser is started without it, and only spoken to by it.
 */
import { spawn } from 'node:child_process'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { ensureChromium } from '../../support/find-chromium.mjs'

export async function launchFreezable(profileDir: string): Promise<BrowserContext> {
  const flags = ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0']
  const child = spawn(ensureChromium(), [...flags, `--user-data-dir=${profileDir}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const atExit = (): void => void child.kill('SIGKILL')
  process.once('exit', atExit)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void gone.then(() => process.off('exit', atExit))
  let said = ''
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (found) resolve(found)
    })
    void gone.then(() => reject(new Error(`Chromium did not start: ${said}`)))
  })
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true })
  const [context] = browser.contexts()
  if (!context) throw new Error(`The Chromium at ${endpoint} has no context of its profile.`)
  // Closing ends the connection only.
  context.close = async () => {
    const devtools = await browser.newBrowserCDPSession()
    await devtools.send('Browser.close')
    await gone
  }
  return context
}

/** The page and its worker stand still, as those of a tab in the background that the browser has put to sleep. @returns wakes it */
export async function freeze(page: Page): Promise<() => Promise<void>> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
  return async () => {
    await devtools.send('Page.setWebLifecycleState', { state: 'active' })
  }
}
