/**
 * Which read store is the current one of a Read Model's version, and which one is being built: a small value in the log's
 * meta, one for each version, so that two builds of an app keep out of each other's way. It changes by compare only; the
 * number of a generation is never used twice.
 *
 *     (nothing) ── empty log ──▶ current
 *     … ── beginBuild ──▶ current?, building ── swap ──▶ current
 */
import type { AnyReadModel } from '../domain/infer.ts'
import { OutpostError } from '../errors.ts'
import type { MetaStore } from '../storage/storage.ts'

export interface Generation {
  readonly number: number
  /** Changes with whatever decides how rows are stored and read. */
  readonly fingerprint: string
  /** The record that its rows were as of at least when it became current: a store that has less has lost something. */
  readonly since: number
}

export interface GenerationPointer {
  /** The highest number given so far. */
  readonly last: number
  readonly current?: Generation
  readonly building?: Generation
}

/** `read.«name»@«version»` → {@link GenerationPointer} */
export const POINTERS = 'read.'

export const pointerKey = (name: string, version: number): string => `${POINTERS}${name}@${version}`

export const fingerprintOf = (model: AnyReadModel): string => JSON.stringify([model.rowFingerprint, model.key, model.indexes])

export class Generations {
  readonly #meta: MetaStore
  readonly #model: AnyReadModel
  readonly #key: string
  readonly fingerprint: string

  constructor(meta: MetaStore, model: AnyReadModel) {
    this.#meta = meta
    this.#model = model
    this.#key = pointerKey(model.name, model.version)
    this.fingerprint = fingerprintOf(model)
  }

  async read(): Promise<GenerationPointer | undefined> {
    return (await this.#meta.get(this.#key)) as GenerationPointer | undefined
  }

  /** True where this build can read and fill it. */
  fits(generation: Generation | undefined): generation is Generation {
    return generation?.fingerprint === this.fingerprint
  }

  /** For an empty log: there is nothing to build. */
  begin(): Promise<GenerationPointer> {
    return this.#update((pointer) => {
      if (pointer?.current || pointer?.building) return pointer
      const number = (pointer?.last ?? 0) + 1
      return { last: number, current: this.#generation(number, 0) }
    })
  }

  /** Where one is being built that fits, it is this one. @param instead of this one, which is of no use */
  beginBuild(instead?: number): Promise<GenerationPointer> {
    return this.#update((pointer) => {
      if (pointer?.building && this.fits(pointer.building) && pointer.building.number !== instead) return pointer
      const number = (pointer?.last ?? 0) + 1
      return { ...pointer, last: number, building: this.#generation(number, 0) }
    })
  }

  /** Makes the built one current. It is durable before anybody may delete the old one. @param since the record that it is as of */
  async swap(built: number, since: number): Promise<boolean> {
    const after = await this.#meta.update<GenerationPointer>(
      this.#key,
      (pointer) => (pointer?.building?.number === built ? { last: pointer.last, current: this.#generation(built, since) } : pointer),
      'strict',
    )
    return after?.current?.number === built
  }

  /** The highest other version whose rows this build can show while its own are not there yet. */
  async findOther(): Promise<{ readonly version: number; readonly generation: Generation } | undefined> {
    const prefix = `${POINTERS}${this.#model.name}@`
    const others = [...(await this.#meta.entries(prefix))]
      .map(([key, value]) => ({ version: Number(key.slice(prefix.length)), generation: (value as GenerationPointer).current }))
      .filter(({ version, generation }) => version !== this.#model.version && this.fits(generation))
      .sort((a, b) => b.version - a.version)
    return others[0] as { readonly version: number; readonly generation: Generation } | undefined
  }

  #generation(number: number, since: number): Generation {
    return { number, fingerprint: this.fingerprint, since }
  }

  async #update(change: (pointer: GenerationPointer | undefined) => GenerationPointer): Promise<GenerationPointer> {
    return (await this.#meta.update(this.#key, change)) as GenerationPointer
  }
}

/** Two builds that declare the same version with different rows do not mix them: the tab that is left behind is told. */
export const otherBuild = ({ name, version }: AnyReadModel): OutpostError =>
  new OutpostError(
    'outdated',
    `Another tab has other rows or indexes in version ${version} of Read Model "${name}". Reload; raise \`version\` with them.`,
    { readModel: name, version },
  )
