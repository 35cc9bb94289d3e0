/** PGlite's folder: for one process at a time, and for the next one as soon as that is gone, however it went. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
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

/** What a process leaves behind that dies: a socket nobody listens on. */
async function abandon(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.bound`, resolve))
  renameSync(`${path}.bound`, path)
  await new Promise((resolve) => server.close(resolve))
}

const lockIn = (folder: string, n: number): string => join(folder, `lock.${n.toString(16).padStart(12, '0')}`)

test.skipIf(process.platform === 'win32')('a file of another name is not taken for an abandoned lock', async () => {
  writeFileSync(join(folder, 'lock.json'), '{}')
  const lock = await FolderLock.take(folder)
  await lock.release()
  expect(readdirSync(folder)).toEqual(['lock.json'])
})

test.skipIf(process.platform === 'win32')(
  'of many that find abandoned locks exactly one gets it, and keeps it against as many; nothing is left behind',
  async () => {
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < round % 3; n++) await abandon(lockIn(folder, n))
      const taken = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(folder)))
      const locks = taken.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      expect(locks, `round ${round}`).toHaveLength(1)
      const late = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(folder)))
      for (const outcome of late) {
        expect(outcome, `round ${round}`).toMatchObject({ status: 'rejected', reason: { code: 'storage-failed' } })
      }
      await locks[0]?.release()
      expect(readdirSync(folder), `round ${round}`).toEqual([])
    }
  },
  60_000,
)

test.skipIf(process.platform === 'win32')(
  'a lock passes from hand to hand, and never lies in two',
  async () => {
    let held = 0
    let most = 0
    let times = 0
    const worker = async (): Promise<void> => {
      while (times < 200) {
        try {
          const lock = await FolderLock.take(folder)
          most = Math.max(most, ++held)
          times++
          await new Promise((resolve) => setTimeout(resolve, times % 3))
          held--
          // Every second one is as good as dead: its socket stays, and nobody listens.
          if (times % 2) await abandon(lockIn(folder, times))
          await lock.release()
        } catch (error) {
          expect(error).toMatchObject({ code: 'storage-failed' })
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    expect(most).toBe(1)
  },
  60_000,
)

test.skipIf(process.platform === 'win32')('a path that is too long for a lock is refused in a sentence', async () => {
  const long = join(folder, 'x'.repeat(120))
  await expect(openPglite({ folder: long })).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringContaining('too long') as unknown,
  })
})
