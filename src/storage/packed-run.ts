/**
 * One packed run: entries (hash, record number) sorted by hash, never changed once written.
 *
 * ```
 * block 0 … n − 1        up to ENTRIES_PER_BLOCK entries each: a column of hashes (float64), a column of records (uint32)
 * block n, n + 1, …      one Bloom filter for each BLOCKS_PER_FILTER blocks of entries
 * ```
 * The catalogue keeps the first hash of every block, so a lookup knows which block can hold a hash. Equal hashes may
 * lie across a border: then it is several blocks. The filter says, without reading those, that most hashes which are
 * not there are not there.
 *
 * Numbers lie in the machine's own byte order: a database never leaves its machine, exports hold records only.
 */
import { OutpostError } from '../errors.ts'
import { lowerBound } from '../internal/lower-bound.ts'

/** 2,720 × 12 bytes, with the envelope of a stored value just under 32 KiB: larger values go to side files in Chrome. */
export const ENTRIES_PER_BLOCK = 2720
/** At 12 bits an entry the filter of 8 blocks is as large as one block. */
export const BLOCKS_PER_FILTER = 8

const ENTRY_BYTES = 12
const FILTER_BITS_PER_ENTRY = 12
/** The best count for 12 bits an entry: 1 absent hash in 300 passes. */
const FILTER_PROBES = 8

/** What the catalogue knows of a run. */
export interface Run {
  readonly run: number
  readonly entries: number
  /** First hash of each block of entries. */
  readonly firsts: Float64Array
}

export interface PackedRun {
  readonly run: Run
  /** Blocks of entries, then filters: their place is their block number. */
  readonly blocks: readonly Uint8Array[]
}

export interface Block {
  readonly hashes: Float64Array
  readonly records: Uint32Array
}

export function openBlock(bytes: Uint8Array): Block {
  const size = bytes.byteLength / ENTRY_BYTES
  if (!Number.isInteger(size)) {
    throw new OutpostError('storage-failed', 'The packed index is damaged. Reload the page.')
  }
  // Views need alignment, which a copy has; a Buffer's `slice` would be no copy.
  const { buffer, byteOffset } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
  return { hashes: new Float64Array(buffer, byteOffset, size), records: new Uint32Array(buffer, byteOffset + size * 8, size) }
}

const placeOf = (sorted: Float64Array, value: number): number => lowerBound(sorted, (each) => each < value)

/** The blocks of a run that may hold a hash: `from` up to and including `to`; none where `to` is below `from`. */
export function blocksFor({ firsts }: Run, hash: number): { from: number; to: number } {
  // A block that begins with the hash may continue the one before it. Hashes are integers: above `hash` is `hash + 1`.
  return { from: Math.max(0, placeOf(firsts, hash) - 1), to: placeOf(firsts, hash + 1) - 1 }
}

/** Adds to `found` the numbers of a block's records with this hash, up to and including `last`. */
export function searchBlock({ hashes, records }: Block, hash: number, last: number, found: number[]): void {
  for (let i = placeOf(hashes, hash); hashes[i] === hash; i++) {
    const record = records[i] as number
    if (record <= last) found.push(record)
  }
}

/** Double hashing: the step mixes in the high word, of which the hashes in one filter share the upper bits. */
const filterStep = (hash: number): number => Math.imul((hash >>> 0) ^ Math.imul(hash / 0x1_0000_0000, 0x85ebca6b), 0x9e3779b1) | 1

const filterPlace = (hash: number, step: number, probe: number, bits: number): number =>
  (((hash >>> 0) + Math.imul(probe, step)) >>> 0) % bits

/** False: no entry of the filter's blocks has this hash. True: one most probably has. */
export function mayHold(filter: Uint8Array, hash: number): boolean {
  const step = filterStep(hash)
  for (let probe = 0; probe < FILTER_PROBES; probe++) {
    const place = filterPlace(hash, step, probe, filter.byteLength * 8)
    if (((filter[place >>> 3] as number) & (1 << (place & 7))) === 0) return false
  }
  return true
}

function filterOf(blocks: readonly Block[]): Uint8Array {
  const entries = blocks.reduce((sum, { hashes }) => sum + hashes.length, 0)
  const filter = new Uint8Array(Math.ceil((entries * FILTER_BITS_PER_ENTRY) / 8))
  for (const { hashes } of blocks) {
    for (const hash of hashes) {
      const step = filterStep(hash)
      for (let probe = 0; probe < FILTER_PROBES; probe++) {
        const place = filterPlace(hash, step, probe, filter.byteLength * 8)
        filter[place >>> 3] = (filter[place >>> 3] as number) | (1 << (place & 7))
      }
    }
  }
  return filter
}

/** Packs entries that come in the order of their hashes. */
export class RunBuilder {
  readonly #entriesPerBlock: number
  readonly #hashes: Float64Array
  readonly #records: Uint32Array
  readonly #blocks: Uint8Array[] = []
  readonly #filters: Uint8Array[] = []
  readonly #firsts: number[] = []
  /** Blocks that are in no filter yet. */
  #unfiltered: Block[] = []
  #inBlock = 0
  #entries = 0

  constructor(entriesPerBlock: number) {
    this.#entriesPerBlock = entriesPerBlock
    this.#hashes = new Float64Array(entriesPerBlock)
    this.#records = new Uint32Array(entriesPerBlock)
  }

  push(hash: number, record: number): void {
    if (this.#inBlock === this.#entriesPerBlock) this.#cut()
    this.#hashes[this.#inBlock] = hash
    this.#records[this.#inBlock] = record
    this.#inBlock++
    this.#entries++
  }

  finish(run: number): PackedRun {
    if (this.#inBlock > 0) this.#cut()
    if (this.#unfiltered.length > 0) this.#filter()
    return {
      run: { run, entries: this.#entries, firsts: Float64Array.from(this.#firsts) },
      blocks: [...this.#blocks, ...this.#filters],
    }
  }

  #cut(): void {
    // Each block has its own buffer: structured cloning of a view would store all that lies under it.
    const bytes = new Uint8Array(this.#inBlock * ENTRY_BYTES)
    const block = openBlock(bytes)
    block.hashes.set(this.#hashes.subarray(0, this.#inBlock))
    block.records.set(this.#records.subarray(0, this.#inBlock))
    this.#blocks.push(bytes)
    this.#firsts.push(this.#hashes[0] as number)
    this.#inBlock = 0
    this.#unfiltered.push(block)
    if (this.#unfiltered.length === BLOCKS_PER_FILTER) this.#filter()
  }

  #filter(): void {
    this.#filters.push(filterOf(this.#unfiltered))
    this.#unfiltered = []
  }
}
