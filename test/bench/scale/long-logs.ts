/** A profile with a long log in it, made once; each run gets a copy. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { round } from '../../../demo/src/measure/figures.ts'
import { openRemote } from '../../browser/support/remote.ts'
import type { Pages } from '../pages.ts'
import type { ScaleApi } from '../pages/scale/main.ts'
import { visit } from '../visit.ts'

type ScalePage = Awaited<ReturnType<typeof openRemote<ScaleApi>>>

/** So many rows come of the log, however long it is. */
export const rowsOfLog = 50_000

export class LongLogs {
  readonly #pages: Pages
  readonly #say: (text: string) => void
  readonly #made = new Map<number | 'by hand', Promise<string>>()
  readonly #folders: string[] = []

  constructor(pages: Pages, say: (text: string) => void) {
    this.#pages = pages
    this.#say = say
  }

  /** @returns a profile in which the bench's app has so many Events */
  with(events: number): Promise<string> {
    return this.#once(events, '', async (page) => {
      const { perSecond = 0 } = await page.call('fill', rowsOfLog, events)
      this.#say(`a log of ${round(events)} Events is made, ${round(perSecond)}/s`)
    })
  }

  /** @returns a profile in which as many rows were written by hand, an Event with each */
  byHand(): Promise<string> {
    return this.#once('by hand', '#by-hand', (page) => page.call('fillByHand', rowsOfLog))
  }

  async close(): Promise<void> {
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }

  #once(name: number | 'by hand', hash: string, fill: (page: ScalePage) => Promise<void>): Promise<string> {
    const made = this.#made.get(name) ?? this.#make(hash, fill)
    this.#made.set(name, made)
    return made
  }

  async #make(hash: string, fill: (page: ScalePage) => Promise<void>): Promise<string> {
    const profileDir = await mkdtemp(join(tmpdir(), 'outpost-long-log-'))
    this.#folders.push(profileDir)
    await visit(
      async ({ context }) => {
        const page = await openRemote<ScaleApi>(context, `${this.#pages.url}scale/${hash}`)
        await fill(page)
        await page.call('close')
      },
      { profileDir },
    )
    return profileDir
  }
}
