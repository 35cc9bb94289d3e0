/** The `BroadcastChannel`s of one device. Nobody hears himself; what crosses is a copy. */
import type { Channel } from '../../sync/environment.ts'
import type { Process } from './process.ts'

interface Ear {
  readonly process: Process
  readonly heard: (word: unknown) => void
}

export class Channels {
  readonly #ears = new Map<string, Set<Ear>>()

  /** How many have one of this name open. */
  count(name: string): number {
    return this.#ears.get(name)?.size ?? 0
  }

  open(process: Process, name: string, heard: (word: unknown) => void): Channel {
    const ears = this.#ears.get(name) ?? new Set()
    this.#ears.set(name, ears)
    const own: Ear = { process, heard }
    ears.add(own)
    process.onKilled(() => ears.delete(own))
    return {
      say: (word) => {
        const copy: unknown = structuredClone(word)
        for (const ear of ears) {
          if (ear === own) continue
          process.clock.later(0, () => {
            if (ears.has(ear)) ear.process.deliver(() => ears.has(ear) && ear.heard(copy))
          })
        }
      },
      close: () => void ears.delete(own),
    }
  }
}
