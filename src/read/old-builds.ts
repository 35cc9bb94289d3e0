/**
 * Deletes read stores that no build of the app needs any more. An old tab keeps its version for as long as it is open:
 *
 * - every build writes the versions it declares under its own name into the log's meta, and holds a lock of that name (or
 *   waits for it, where another tab of the same build holds it) as long as it is open;
 * - another build asks for that lock; once it has it, no tab of that build is open: it takes the name away, and deletes the
 *   read stores of all versions that no other build has declared.
 *
 * A tab of the old build that opens in that very moment finds its rows gone, and builds them again: nothing but time is lost.
 */
import { fingerprint } from '../domain/id.ts'
import type { AnyReadModel } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import type { MetaStore, Storage } from '../storage/storage.ts'
import { type GenerationPointer, pointerKey, POINTERS } from './generations.ts'
import { aborted, jitter } from './timing.ts'

/** Not while the app starts. */
const START_MS = 5_000
const START_JITTER_MS = 10_000

/** `build.«id»` → the pointers of the versions that it declares */
const BUILDS = 'build.'

export interface OldBuildsOptions {
  readonly models: readonly AnyReadModel[]
  readonly storage: Storage
  readonly meta: MetaStore
  readonly environment: Environment
  readonly prefix: string
  /** False while an older version's rows may still be shown. */
  areLive(): boolean
}

export class OldBuilds {
  readonly #options: OldBuildsOptions
  readonly #versions: readonly string[]
  readonly #key: string
  readonly #closing = new AbortController()
  #cancel: (() => void) | undefined

  constructor(options: OldBuildsOptions) {
    this.#options = options
    this.#versions = options.models.map(({ name, version }) => pointerKey(name, version)).sort()
    this.#key = BUILDS + fingerprint(JSON.stringify(this.#versions))
  }

  open(): void {
    const { environment } = this.#options
    this.#hold(this.#key, aborted)
    this.#cancel = environment.later(START_MS + START_JITTER_MS * jitter(environment), () => this.#sweepWhenLive())
  }

  close(): void {
    this.#closing.abort()
    this.#cancel?.()
  }

  #sweepWhenLive(): void {
    const { environment, areLive } = this.#options
    if (!areLive()) this.#cancel = environment.later(START_MS, () => this.#sweepWhenLive())
    // What fails now is done at another start.
    else this.#sweep().catch(() => undefined)
  }

  async #sweep(): Promise<void> {
    const { meta } = this.#options
    await meta.update<readonly string[]>(this.#key, (versions) => versions ?? this.#versions)
    await this.#dropDead()
    for (const key of (await meta.entries(BUILDS)).keys())
      if (key !== this.#key)
        this.#hold(key, async () => {
          await meta.update(key, () => undefined)
          await this.#dropUnused()
        })
  }

  /** Runs work while no other tab holds the name of this build. */
  #hold(key: string, work: (signal: AbortSignal) => Promise<void>): void {
    const { environment, prefix } = this.#options
    const { signal } = this.#closing
    // It ends when this engine closes, and what it could not do is done at another start.
    environment.exclusive(`${prefix}.read.${key}`, work, signal).catch(() => undefined)
  }

  /** Generations that are neither current nor being built: their tab died before it could delete them. */
  async #dropDead(): Promise<void> {
    const { meta, storage } = this.#options
    const databases = await this.#databases()
    const pointers = await meta.entries(POINTERS)
    for (const { database, pointer, generation } of databases) {
      const { last = 0, current, building } = (pointers.get(pointer) ?? {}) as Partial<GenerationPointer>
      if (generation <= last && generation !== current?.number && generation !== building?.number) await storage.destroy(database)
    }
  }

  /** Versions that no build declares. */
  async #dropUnused(): Promise<void> {
    const { meta, storage } = this.#options
    const declared = new Set(
      [...(await meta.entries(BUILDS)).values(), this.#versions].flatMap((versions) => versions as readonly string[]),
    )
    for (const { database, pointer } of await this.#databases()) {
      if (declared.has(pointer)) continue
      // Its numbers go on from here should that build ever come back.
      await meta.update<GenerationPointer>(pointer, (before) => before && { last: before.last })
      await storage.destroy(database)
    }
  }

  async #databases(): Promise<readonly { readonly database: string; readonly pointer: string; readonly generation: number }[]> {
    const { storage, prefix } = this.#options
    const start = `${prefix}.read.`
    return (await storage.list(start)).map((database) => {
      const [version = '', generation] = database.slice(start.length).split('#')
      return { database, pointer: POINTERS + version, generation: Number(generation) }
    })
  }
}
