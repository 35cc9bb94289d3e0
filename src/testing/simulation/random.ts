/** Chance that follows from a seed: the same seed, the same numbers. */
export interface Random {
  /** From 0 to below 1. */
  next(): number
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** A string that no other call gives. */
  id(): string
  /** Another source, which draws for itself: how often the one is asked does not change what the other gives. */
  branch(name: string): Random
}

export function createRandom(seed: string): Random {
  let state = hash(seed)
  let ids = 0
  const random: Random = {
    // mulberry32: small, and good enough to draw schedules with.
    next() {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
    whole: (from, to) => from + Math.floor(random.next() * (to - from + 1)),
    chance: (probability) => random.next() < probability,
    pick(items) {
      if (items.length === 0) throw new RangeError('There is nothing to pick from.')
      return items[random.whole(0, items.length - 1)] as (typeof items)[number]
    },
    id: () => `${seed}-${++ids}`,
    branch: (name) => createRandom(`${seed}/${name}`),
  }
  return random
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value
}
