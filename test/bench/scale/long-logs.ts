/** A profile with a long log in it, made once; each run gets a copy. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { round } from '../../../demo/src/measure/figures.ts'
import { openRemote } from '../../browser/support/remote.ts'
import type { Pages } from '../pages.ts'
import type { ScaleApi } from '../pages/scale/main.ts'
import { visit } from '../visit.ts'

/** So many rows come of the log, however long it is. */
export const rowsOfLog = 50_000

export class LongLogs {
  readonly #pages: Pages
  readonly #say: (text: string) => void
  readonly #made = new Map<number, Promise<string>>()
  readonly #folders: string[] = []

  constructor(pages: Pages, say: (text: string) => void) {
    this.#pages = pages
    this.#say = say
  }

  /** @returns a profile in which the bench's app has so many Events */
  with(events: number): Promise<string> {
    const made = this.#made.get(events) ?? this.#make(events)
    this.#made.set(events, made)
    return made
  }

  async close(): Promise<void> {
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }

  async #make(events: number): Promise<string> {
    const profileDir = await mkdtemp(join(tmpdir(), 'outpost-long-log-'))
    this.#folders.push(profileDir)
    await visit(
      async ({ context }) => {
        const page = await openRemote<ScaleApi>(context, `${this.#pages.url}scale/`)
        const { perSecond = 0 } = await page.call('fill', rowsOfLog, events)
        await page.call('close')
        this.#say(`a log of ${round(events)} Events is made, ${round(perSecond)}/s`)
      },
      { profileDir },
    )
    return profileDir
  }
}
