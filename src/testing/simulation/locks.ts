/** The Web Locks of one device: exclusive ones, which can be stolen, and which the death of their holder frees. */
import type { SyncEnvironment } from '../../sync/environment.ts'
import type { Process } from './process.ts'

interface Request {
  readonly process: Process
  grant(): void
  stolen(): void
}

class Lock {
  #held: Request | undefined
  readonly #queue: Request[] = []

  get holder(): Process | undefined {
    return this.#held?.process
  }

  ask(request: Request, steal: boolean): void {
    if (steal) {
      this.#held?.stolen()
      this.#held = request
      request.grant()
    } else {
      this.#queue.push(request)
      this.#next()
    }
  }

  /** @returns true where it still waited */
  drop(request: Request): boolean {
    const place = this.#queue.indexOf(request)
    if (place >= 0) this.#queue.splice(place, 1)
    if (this.#held === request) this.#held = undefined
    this.#next()
    return place >= 0
  }

  #next(): void {
    if (this.#held) return
    this.#held = this.#queue.shift()
    this.#held?.grant()
  }
}

export class Locks {
  readonly #locks = new Map<string, Lock>()

  holder(name: string): Process | undefined {
    return this.#locks.get(name)?.holder
  }

  /** As `navigator.locks.request` for this process. */
  of =
    (process: Process): SyncEnvironment['lock'] =>
    (name, { signal, steal = false }, held) =>
      new Promise<void>((resolve, reject) => {
        const lock = this.#locks.get(name) ?? new Lock()
        this.#locks.set(name, lock)
        const abort = (): void => process.deliver(() => reject(new DOMException('Aborted.', 'AbortError')))
        const free = (): void => {
          forget()
          lock.drop(request)
        }
        const request: Request = {
          process,
          grant: () =>
            process.deliver(() => {
              held()
                .then(resolve, (thrown: unknown) => reject(thrown instanceof Error ? thrown : new Error(String(thrown))))
                .finally(free)
            }),
          stolen: abort,
        }
        const forget = process.onKilled(() => lock.drop(request))
        signal?.addEventListener('abort', () => {
          if (lock.drop(request)) abort()
        })
        if (signal?.aborted) abort()
        else lock.ask(request, steal)
      })
}
