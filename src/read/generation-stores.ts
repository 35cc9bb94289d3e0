/** Opens and deletes the read stores of one Read Model. */
import type { AnyReadModel } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import type { Storage } from '../storage/storage.ts'
import type { EventSource } from './event-source.ts'
import type { Generation, Generations } from './generations.ts'
import { Projection, type ProjectionListener } from './projection.ts'
import { closedError } from './shown-rows.ts'

/** With so many Events in the log, a store that was never written is rather built beside than filled in place. */
const SHORT_LOG = 10_000

export interface GenerationStoresOptions {
  readonly model: AnyReadModel
  readonly storage: Storage
  readonly source: EventSource
  readonly environment: Environment
  /** `«app».«space».«principal»` */
  readonly prefix: string
  readonly generations: Generations
  readonly signal: AbortSignal
}

/** @param projection whom the listener is for; undefined while that is being opened */
export type Listen = (projection: () => Projection | undefined) => ProjectionListener

export class GenerationStores {
  readonly #options: GenerationStoresOptions

  constructor(options: GenerationStoresOptions) {
    this.#options = options
  }

  /** @returns undefined where what it holds is not in the log */
  async open(version: number, generation: Generation, listen: Listen): Promise<Projection | undefined> {
    const { model, source, storage, environment, signal } = this.#options
    const store = await storage.openReadStore(this.#databaseName(version, generation.number), { key: model.key, indexes: model.indexes })
    // Only now: at a start both open at once. Where the log cannot be, the read side is closed.
    await source.opened.catch(() => undefined)
    let projection: Projection | undefined
    if (!signal.aborted) projection = await Projection.open({ model, store, source, environment, listener: listen(() => projection) })
    if (!signal.aborted) return projection
    ;(projection ?? store).close()
    throw closedError(model.name)
  }

  /** @returns undefined where it has to be built anew */
  async openCurrent(
    generation: Generation,
    listen: Listen,
  ): Promise<{ readonly projection: Projection; readonly generation: Generation } | undefined> {
    const { model, source, generations } = this.#options
    const projection = await this.open(model.version, generation, listen)
    if (!projection || projection.stored) return projection && { projection, generation }
    // Never written; or deleted, and made anew by opening it.
    const now = (await generations.read())?.current
    if (now?.number === generation.number && generation.since === 0 && source.head.position <= SHORT_LOG) return { projection, generation }
    projection.close()
    if (now?.number === generation.number) return undefined
    await this.destroy(generation.number)
    return generations.fits(now) ? this.openCurrent(now, listen) : undefined
  }

  /** Of this build's version. */
  destroy(generation: number): Promise<void> {
    return this.#options.storage.destroy(this.#databaseName(this.#options.model.version, generation))
  }

  /** `«prefix».read.«name»@«version»#«generation»` */
  #databaseName(version: number, generation: number): string {
    const { prefix, model } = this.#options
    return `${prefix}.read.${model.name}@${version}#${generation}`
  }
}
