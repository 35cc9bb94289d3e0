/**
 * Builds a Read Model's rows anew, beside those that are shown: one tab at a time, in the background, from where the last one
 * stopped. It folds what is confirmed alone. When it has caught up with that, it becomes the current one, and the pending tail
 * is laid over it.
 */
import type { Environment } from '../engine/engine.ts'
import { isOutpostError, messageOf } from '../errors.ts'
import { pause } from '../internal/pause.ts'
import type { Bell } from './bell.ts'
import type { EventSource } from './event-source.ts'
import type { Generation, Generations } from './generations.ts'
import type { Projection } from './projection.ts'
import { backoff, nextTask } from './timing.ts'

const RETRY_FIRST_MS = 1_000
const RETRY_LONGEST_MS = 60_000
/** So many Events are folded in a few display frames. */
const SHORT_TAIL = 1_000

export interface BuilderHost {
  readonly generations: Generations
  readonly source: EventSource
  readonly environment: Environment
  readonly lockName: string
  /** Rings at each change of a projection's state. */
  readonly bell: Bell
  readonly signal: AbortSignal
  /** @returns undefined where what it holds is not in the log */
  open(generation: Generation): Promise<Projection | undefined>
  discard(generation: number): Promise<void>
  /** Tells which one is being built, by this tab or another. */
  building(next: Projection | undefined): void
  /**
   * It is current by now, by this tab or another; `built` where this tab has it open.
   *
   * @returns false where it is of no use after all
   */
  finished(generation: Generation, built: Projection | undefined, replaced: number | undefined): Promise<boolean>
  problem(text: string | undefined): void
}

export class GenerationBuilder {
  readonly #host: BuilderHost
  isRunning = false
  #next: { readonly generation: Generation; readonly projection: Projection } | undefined

  constructor(host: BuilderHost) {
    this.#host = host
  }

  /**
   * Resolves when it is on record that there is something to build; then it goes on by itself.
   *
   * @param follow shows meanwhile what another tab builds
   */
  async start(follow: boolean): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    try {
      const { building } = await this.#host.generations.beginBuild()
      if (follow && building) await this.#open(building)
    } catch (error) {
      this.isRunning = false
      throw error
    }
    void this.#run()
  }

  async #run(): Promise<void> {
    const { environment, lockName, signal } = this.#host
    for (let failures = 0; !signal.aborted;) {
      try {
        await environment.exclusive(lockName, (held) => this.#build(held), signal)
        break
      } catch (error) {
        if (signal.aborted || isOutpostError(error, 'closed')) break
        this.#host.problem(messageOf(error))
        await pause(environment.later, backoff(++failures, RETRY_FIRST_MS, RETRY_LONGEST_MS), signal)
      }
    }
    this.isRunning = false
    this.#host.problem(undefined)
  }

  async #build(signal: AbortSignal): Promise<void> {
    const { generations, bell } = this.#host
    signal.addEventListener('abort', () => bell.ring())
    for (;;) {
      const pointer = await generations.read()
      if (signal.aborted) return
      if (!pointer?.building) {
        if (pointer?.current && (await this.#finish(pointer.current, undefined))) return
        await generations.beginBuild()
        continue
      }
      const projection = await this.#open(pointer.building)
      if (!projection) {
        await generations.beginBuild(pointer.building.number)
        await this.#host.discard(pointer.building.number)
        continue
      }
      if (projection.isFollowing) {
        await projection.refresh()
        projection.activate()
      }
      await this.#catchUp(projection, signal)
      if (signal.aborted) return
      const since = projection.stored?.record ?? 0
      if (projection.hasEnded || !(await generations.swap(pointer.building.number, since))) continue
      if (await this.#finish({ ...pointer.building, since }, pointer.current?.number)) return
    }
  }

  /** Until it has stored about all that is confirmed: the rest follows while it is shown. */
  async #catchUp(projection: Projection, signal: AbortSignal): Promise<void> {
    const { source, bell } = this.#host
    while (!signal.aborted && !projection.hasEnded) {
      const { record } = source.settled
      const { position } = source.head
      projection.pump()
      if (projection.folded.record < record || projection.parked) {
        await bell.next()
        continue
      }
      await projection.flush()
      const isStored = (projection.stored?.record ?? 0) >= record
      if (isStored && source.head.position - position <= SHORT_TAIL) return
      // Whatever kept it from being stored, others get their turn.
      if (!isStored) await nextTask()
    }
  }

  async #finish(generation: Generation, replaced: number | undefined): Promise<boolean> {
    const next = this.#next
    this.#next = undefined
    const built = next?.generation.number === generation.number && !next.projection.hasEnded ? next.projection : undefined
    if (!built) next?.projection.close()
    try {
      const isDone = await this.#host.finished(generation, built, replaced)
      this.#host.building(undefined)
      return isDone
    } catch (error) {
      built?.close()
      throw error
    }
  }

  async #open(generation: Generation): Promise<Projection | undefined> {
    if (this.#next?.generation.number === generation.number && !this.#next.projection.hasEnded) return this.#next.projection
    this.#next?.projection.close()
    this.#next = undefined
    const projection = await this.#host.open(generation)
    if (projection) this.#next = { generation, projection }
    this.#host.building(projection)
    return projection
  }
}
