const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

/** Murmur3's finaliser: every input bit flips every output bit with a chance near one half. */
function avalanche(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return word ^ (word >>> 16)
}

/**
 * A well-distributed hash of a string's UTF-16 code units, not cryptographic, the same on every machine and for ever:
 * it is part of the format on disk, so another function needs another format number in `segment-index.ts`.
 *
 * @returns an integer of 53 bits (0 to 2⁵³ − 1): the widest that is still one exact number, so that order, equality and
 *   `Float64Array` work on it as they are; among 100 million ids a lookup meets a stranger once in 90 million
 */
export function hash53(text: string): number {
  let a = 0x9e3779b9 ^ text.length
  let b = 0x7f4a7c15 ^ text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // For each unit the step is a bijection of (a, b): strings of one length that differ in one unit never collide here.
    a = rotate(Math.imul(a ^ unit, 0xcc9e2d51), 15)
    b = (rotate(Math.imul(b ^ unit, 0x1b873593), 13) + a) | 0
  }
  a = avalanche(a ^ rotate(b, 16))
  b = avalanche((b + a) | 0)
  return (b & 0x1fffff) * 0x1_0000_0000 + (a >>> 0)
}
