/** PGlite's folder: for one process at a time, and for the next one as soon as that is gone, however it went. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FolderLock } from '../../src/storage/postgres/folder-lock.ts'
import { openPglite } from '../../src/storage/postgres/pglite-database.ts'
import { createPostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'

let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-folder-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) await ended(child, 'SIGKILL')
  rmSync(folder, { recursive: true })
})

const ended = (child: ChildProcess, signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill(signal)
  })

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

/** A process on the folder, and what it says next. */
function start() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('open-folder.mjs', import.meta.url)), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const says = async (): Promise<string> => String((await lines.next()).value)
  const append = (): Promise<string> => {
    child.stdin.write('append\n')
    return says()
  }
  return { child, says, append }
}

test('a second process is refused, with what to do; the first one goes on', async () => {
  const first = start()
  expect(await first.says()).toBe('open')
  const refusal = `Another process has the data in ${folder} open: end that one first, give this one another folder, or set DATABASE_URL`
  expect(await start().says()).toContain(refusal)
  await expect(openPglite({ folder })).rejects.toThrow(refusal)
  expect(await first.append()).toBe('1')
})

test('after a process was killed the next one opens at once, and finds all that was answered', async () => {
  for (let round = 0; round < 3; round++) {
    const one = start()
    expect(await one.says()).toBe('open')
    for (let n = 1; n <= 5; n++) expect(await one.append()).toBe(String(round * 5 + n))
    await ended(one.child, 'SIGKILL')
  }
  const storage = await createPostgresStorage(await openPglite({ folder }))
  expect((await (await storage.openLog('log')).events.last())?.number).toBe(15)
  await storage.close()
  await storage.close()
  await (await openPglite({ folder })).close()
}, 120_000)

test('a process that stands still is no dead one', async () => {
  const stopped = start()
  expect(await stopped.says()).toBe('open')
  stopped.child.kill('SIGSTOP')
  expect(await start().says()).toContain('Another process has the data')
  stopped.child.kill('SIGCONT')
  expect(await stopped.append()).toBe('1')
})

test.skipIf(process.platform === 'win32')('of many that find an abandoned lock one gets it, and nothing of it is left behind', async () => {
  const holder = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(join(folder, 'lock'))}, () => console.log('held'))`,
  ])
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  await ended(holder, 'SIGKILL')
  expect(readdirSync(folder)).toEqual(['lock'])
  const taken = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(folder)))
  const locks = taken.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  expect(locks).toHaveLength(1)
  await expect(FolderLock.take(folder)).rejects.toMatchObject({ code: 'storage-failed' })
  await locks[0]?.release()
  await (await FolderLock.take(folder)).release()
  expect(readdirSync(folder)).toEqual([])
})

test.skipIf(process.platform === 'win32')(
  'who took over an abandoned lock, and lost it to another in the same moment, gives it up',
  async () => {
    const path = join(folder, 'lock')
    const holder = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('held'))`,
    ])
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    await ended(holder, 'SIGKILL')
    const taking = FolderLock.take(folder)
    taking.catch(() => {})
    while (!(await answers(path)));
    // A slower one that found it abandoned too moves it away, and a third is quicker than the one that puts it back.
    renameSync(path, `${path}.aside`)
    const third = createServer((socket) => socket.end('third'))
    await new Promise<void>((resolve) => third.listen(path, resolve))
    await expect(taking).rejects.toMatchObject({ code: 'storage-failed' })
    await new Promise((resolve) => third.close(resolve))
  },
)

test.skipIf(process.platform === 'win32')('a path that is too long for a lock is refused in a sentence', async () => {
  const long = join(folder, 'x'.repeat(120))
  await expect(openPglite({ folder: long })).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringContaining('too long') as unknown,
  })
})
