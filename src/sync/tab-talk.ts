/** What the tabs of a log say to one another about its sync. */
import type { Channel, SyncEnvironment } from './environment.ts'
import type { SyncRequest, SyncState } from './status.ts'

export type Word =
  /** A tab has come; the holder answers with a beat. */
  | { readonly kind: 'came' }
  /** The holder lives, and stands like this. */
  | {
      readonly kind: 'beat'
      readonly hidden: boolean
      readonly paused: boolean
      readonly state: SyncState
      readonly lastSyncedAt: number | undefined
    }
  /** A visible tab waits while the holder is hidden. */
  | { readonly kind: 'want' }
  /** A page has asked for it. */
  | { readonly kind: 'request'; readonly what: SyncRequest }

/** To find out whether this tab hears anything. */
interface Echo {
  readonly kind: 'echo'
  readonly id: string
}

const echoMs = 1000

export class TabTalk {
  readonly #name: string
  readonly #environment: SyncEnvironment
  readonly #channel: Channel
  #echoed: ((id: string) => void) | undefined

  constructor(name: string, environment: SyncEnvironment, heard: (word: Word) => void) {
    this.#name = name
    this.#environment = environment
    this.#channel = environment.channel(name, (said) => {
      const word = said as Word | Echo
      if (word.kind === 'echo') this.#echoed?.(word.id)
      else heard(word)
    })
  }

  say(word: Word): void {
    this.#channel.say(word)
  }

  /** Whether what is said on this channel is heard here. */
  async hears(): Promise<boolean> {
    const id = this.#environment.randomId()
    const other = this.#environment.channel(this.#name, () => undefined)
    const heard = await new Promise<boolean>((resolve) => {
      const cancel = this.#environment.later(echoMs, () => resolve(false))
      this.#echoed = (echo) => {
        if (echo !== id) return
        cancel()
        resolve(true)
      }
      other.say({ kind: 'echo', id } satisfies Echo)
    })
    other.close()
    return heard
  }

  close(): void {
    this.#channel.close()
  }
}
