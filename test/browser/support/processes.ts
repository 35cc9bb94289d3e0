/** Ends a browser as a power button ends it: without a word to any of its processes. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BrowserContext, Page } from 'playwright-core'

interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

/**
 * Makes ready to kill the browser that has this profile open, with all its children. What takes time is done here, so that
 * the death comes when it is called for.
 *
 * @returns sends SIGKILL at once; resolves when none of them is left, and the lock on the profile is gone that a browser
 * leaves behind when it dies so
 */
export function prepareKill(context: BrowserContext, profileDir: string): () => Promise<void> {
  const known = familyOf(profileDir)
  if (known.length === 0) throw new Error(`No browser has the profile ${profileDir} open.`)
  return async () => {
    const closed = new Promise<void>((resolve) => context.once('close', () => resolve()))
    known.forEach(kill)
    // Some were born since; those whose parent is dead are found by the parent that they had, or by the profile's name.
    for (let left = familyOf(profileDir, known); left.length > 0; left = familyOf(profileDir, known)) {
      left.forEach(kill)
      await delay(5)
    }
    await closed
    for (const name of await readdir(profileDir)) if (name.startsWith('Singleton')) await rm(join(profileDir, name), { force: true })
  }
}

/**
 * Makes ready to kill the process that renders the page; its worker dies with it.
 *
 * @returns does it at once; resolves when the browser has noticed and the page is closed
 */
export async function prepareCrash(page: Page): Promise<() => Promise<void>> {
  const devtools = await page.context().newCDPSession(page)
  return async () => {
    const crashed = page.waitForEvent('crash')
    // Whom it is asked of is gone before it can answer.
    devtools.send('Page.crash').catch(() => undefined)
    await crashed
    await page.close()
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The processes that name the profile, those known before, and all that descend from either; oldest first. */
function familyOf(profileDir: string, known: readonly number[] = []): number[] {
  const alive = processes()
  const family = new Set(alive.filter(({ pid, command }) => pid !== process.pid && command.includes(profileDir)).map(({ pid }) => pid))
  for (let size = -1; size !== family.size;) {
    size = family.size
    for (const { pid, parent } of alive) if (known.includes(pid) || known.includes(parent) || family.has(parent)) family.add(pid)
  }
  return [...family].sort((a, b) => a - b)
}

/** All that live; a dead one that nobody has buried yet does not. */
function processes(): Process[] {
  if (existsSync('/proc/self/stat')) return readdirSync('/proc').filter(isNumber).flatMap(fromProc)
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,state=,args='], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return command === undefined || state?.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), command }]
  })
}

function fromProc(pid: string): Process[] {
  try {
    // «pid» («name, which may hold anything») «state» «parent» …
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return []
    return [{ pid: Number(pid), parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
  } catch {
    return [] // it ended while it was read
  }
}

const isNumber = (name: string): boolean => /^\d+$/.test(name)
