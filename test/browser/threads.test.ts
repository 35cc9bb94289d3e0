/** Real workers that die, hang, and do not start: what the page notices, and that nothing hangs or happens twice. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { ThreadsPage } from './pages/threads.ts'
import { launchChromium } from './support/chromium.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'

type Page = Remote<ThreadsPage>

/** Answered with every page, as the test at hand wants it. */
let policy = ''
let served: Served
let context: BrowserContext
beforeAll(async () => {
  served = await buildAndServe({
    entry: new URL('./pages/threads.ts', import.meta.url),
    respond(_, response) {
      if (policy !== '') response.setHeader('content-security-policy', policy)
      return false
    },
  })
  context = await launchChromium({ args: ['--host-resolver-rules=MAP insecure.test 127.0.0.1'] })
})
afterAll(async () => {
  await context.close()
  await served.close()
})
afterEach(() => {
  policy = ''
})

/** A page on a log of its own, where none is named. */
async function open(url = served.url): Promise<Page> {
  const page = await openRemote<ThreadsPage>(context, url)
  onTestFinished(() => page.page.close())
  return page
}
let spaces = 0
/** Long: these tests share two processors with others. */
const poll = { timeout: 20_000 }
const newSpace = (): string => `hall-${++spaces}`
const outcome = (id: string) => ({ ok: true, commandId: `add ${id}` })

describe('a worker that is killed', () => {
  test('is noticed by the lock that it held, without anything being asked of it, and replaced', async ({ annotate }) => {
    const page = await open()
    // No timeout could notice it.
    await page.call('connect', 'good', { space: newSpace(), decideTimeoutMs: Infinity, deadlineMs: Infinity })
    await page.call('until', 'ready')
    const tookMs: number[] = []
    for (let i = 0; i < 5; i++) {
      tookMs.push(await page.call('noticeDeath'))
      await page.call('until', 'ready')
    }
    await annotate(`noticed after ${tookMs.map((ms) => ms.toFixed(1)).join(', ')} ms`)
    expect(await page.call('workers')).toBe(6)
    expect(await page.call('add', 'a')).toMatchObject([outcome('a')])
  })

  test('in the middle of a Command leaves it to the next one, which does it once', async () => {
    const page = await open()
    await page.call('connect', 'good', { space: newSpace(), decideTimeoutMs: Infinity, deadlineMs: Infinity })
    // Before, nothing tells a dead worker from a slow one.
    await page.call('until', 'ready')
    const ids = Array.from({ length: 8 }, (_, i) => `job-${i}`)
    for (const id of ids) expect(await page.call('killAndAdd', id)).toMatchObject(outcome(id))
    expect(await page.call('add', ...ids)).toMatchObject(ids.map(outcome))
    expect(await page.call('rows')).toEqual(ids)
  })
})

describe('a decide that never returns', () => {
  test('fails alone, named; the others go on, and nothing happens twice', async () => {
    const page = await open()
    await page.call('connect', 'good', { space: newSpace(), decideTimeoutMs: 1000 })
    await page.call('add', 'before')
    const outcomes = await page.call('addAtOnce', ['a', false], ['endless', true], ['b', false])
    expect(outcomes).toMatchObject([
      outcome('a'),
      {
        code: 'decide-timeout',
        message: expect.stringContaining('job.add'),
        details: { commandId: 'add endless', aggregateId: 'endless' },
      },
      outcome('b'),
    ])
    expect(await page.call('workers')).toBe(3)
    expect(await page.call('add', 'a', 'b', 'after')).toMatchObject(['a', 'b', 'after'].map(outcome))
    expect(await page.call('rows')).toEqual(['a', 'after', 'b', 'before'])
  })
})

describe('a worker that does not start', () => {
  test.each<{ name: string; start: 'absent' | 'not a script' | 'throwing'; policy?: string; message: RegExp }>([
    { name: 'because its URL leads nowhere', start: 'absent', message: /did not load.*URL/ },
    { name: 'because what its URL answers is no script', start: 'not a script', message: /did not load.*MIME/ },
    { name: 'because it throws', start: 'throwing', message: /threw.*the stock book is missing/ },
  ])('$name fails what is asked and watched, and says so', async ({ start, message }) => {
    const page = await open()
    await page.call('connect', start, { space: newSpace() })
    const [added, watched] = await Promise.all([page.call('add', 'a'), page.call('watch')])
    for (const fault of [...added, watched]) expect(fault).toMatchObject({ code: 'worker-failed', message: expect.stringMatching(message) })
    expect(await page.call('until', 'failed')).toMatchObject({ problem: expect.stringMatching(message) })
    expect(await page.call('workers')).toBe(5)
  })

  test('because the page’s policy forbids it fails and points there', async () => {
    policy = "worker-src 'none'"
    const page = await open()
    await page.call('connect', 'good', { space: newSpace() })
    expect(await page.call('add', 'a')).toMatchObject([{ code: 'worker-failed', message: expect.stringContaining('CSP') }])
  })

  test('to listen before the page speaks is spoken to again', async () => {
    const page = await open()
    await page.call('connect', 'late', { space: newSpace() })
    expect(await page.call('add', 'a')).toMatchObject([outcome('a')])
    expect(await page.call('workers')).toBe(1)
  })
})

test('a strict policy that allows the page’s own scripts is enough', async () => {
  policy = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'"
  const page = await open()
  await page.call('connect', 'good', { space: newSpace() })
  expect(await page.call('add', 'a')).toMatchObject([outcome('a')])
})

test('on an insecure origin the app says what is missing, and makes no worker', async () => {
  const page = await open(served.url.replace('127.0.0.1', 'insecure.test'))
  await page.call('connect', 'good')
  const missing = {
    code: 'unsupported',
    message: expect.stringContaining('HTTPS'),
    details: { missing: ['navigator.locks', 'crypto.subtle'] },
  }
  expect(await page.call('add', 'a')).toMatchObject([missing])
  expect(await page.call('watch')).toMatchObject(missing)
  expect(await page.call('until', 'failed')).toMatchObject({ problem: expect.stringContaining('navigator.locks') })
  expect(await page.call('workers')).toBe(0)
})

test('what is thrown in the worker and awaited by nobody is told to the page', async () => {
  const page = await open()
  await page.call('connect', 'good', { space: newSpace() })
  await page.call('add', 'a')
  await page.call('tell', 'throw')
  await page.call('tell', 'reject')
  await expect.poll(() => page.call('errors'), poll).toEqual(['RangeError: nobody awaits this', 'RangeError: nor this'])
  expect(await page.call('add', 'b')).toMatchObject([outcome('b')])
  expect(await page.call('workers')).toBe(1)
})

test('a handle that was closed leaves no lock behind, held or asked for', async () => {
  const page = await open()
  await page.call('connect', 'good', { space: newSpace() })
  await page.call('add', 'a')
  const before = await page.call('locks')
  expect(before.filter((name) => name?.startsWith('outpost.worker.'))).toHaveLength(2)
  await page.call('close')
  // The worker ends with its page's word; its locks go a moment later.
  await expect.poll(() => page.call('locks'), poll).toEqual([])
})

describe('other tabs', () => {
  test('are counted, also when one goes without a word', async () => {
    const space = newSpace()
    const [page, second, third] = [await open(), await open(), await open()]
    for (const each of [page, second, third]) await each.call('connect', 'good', { space })
    for (const each of [page, second, third]) await expect.poll(async () => (await each.call('until', 'ready')).tabs, poll).toBe(3)
    await second.page.close({ runBeforeUnload: false })
    await expect.poll(async () => (await page.call('until', 'ready')).tabs, poll).toBe(2)
    await third.call('close')
    await expect.poll(async () => (await page.call('until', 'ready')).tabs, poll).toBe(1)
  })

  test('learn that one of them has deleted the data', async () => {
    const space = newSpace()
    const [page, other] = [await open(), await open()]
    for (const each of [page, other]) await each.call('connect', 'good', { space })
    expect(await page.call('add', 'a')).toMatchObject([outcome('a')])
    await expect.poll(() => other.call('rows'), poll).toEqual(['a'])
    await page.call('destroy')
    await other.call('until', 'closed')
    expect(await other.call('add', 'b')).toMatchObject([{ code: 'closed', message: expect.stringContaining('deleted') }])
    await page.call('connect', 'good', { space })
    expect(await page.call('rows')).toEqual([])
  })
})
