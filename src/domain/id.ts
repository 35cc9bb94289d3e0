/**
 * Ids that follow from another id, so that deciding again gives the same ones on any machine.
 * 128 bits of MurmurHash3 (x86, 128-bit variant, https://github.com/aappleby/smhasher) over UTF-16 code units: not
 * cryptographic, and need not be, since what it hashes is already unique. Synchronous, because `decide` is.
 */
const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const C = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const

/** The four 32-bit lanes of the text's hash. */
export function hash128(text: string): readonly [number, number, number, number] {
  let a = 0x9368e53c
  let b = 0x586dcd20
  let c = 0x8bb84b93
  let d = 0x2f1c3a6b
  const unit = (i: number): number => (i < text.length ? text.charCodeAt(i) : 0)
  for (let i = 0; i < text.length; i += 8) {
    const k1 = unit(i) | (unit(i + 1) << 16)
    const k2 = unit(i + 2) | (unit(i + 3) << 16)
    const k3 = unit(i + 4) | (unit(i + 5) << 16)
    const k4 = unit(i + 6) | (unit(i + 7) << 16)
    a = (Math.imul(rotate(a ^ Math.imul(rotate(Math.imul(k1, C[0]), 15), C[1]), 19) + b, 5) + 0x561ccd1b) | 0
    b = (Math.imul(rotate(b ^ Math.imul(rotate(Math.imul(k2, C[1]), 16), C[2]), 17) + c, 5) + 0x0bcaa747) | 0
    c = (Math.imul(rotate(c ^ Math.imul(rotate(Math.imul(k3, C[2]), 17), C[3]), 15) + d, 5) + 0x96cd1c35) | 0
    d = (Math.imul(rotate(d ^ Math.imul(rotate(Math.imul(k4, C[3]), 18), C[0]), 13) + a, 5) + 0x32ac3b17) | 0
  }
  a ^= text.length
  b ^= text.length
  c ^= text.length
  d ^= text.length
  a = (a + b + c + d) | 0
  b = (b + a) | 0
  c = (c + a) | 0
  d = (d + a) | 0
  a = finish(a)
  b = finish(b)
  c = finish(c)
  d = finish(d)
  a = (a + b + c + d) >>> 0
  return [a, (b + a) >>> 0, (c + a) >>> 0, (d + a) >>> 0]
}

const hex = (lane: number): string => lane.toString(16).padStart(8, '0')

/** A UUID (version 8, RFC 9562) that follows from its parts: the same parts, the same id. */
export function derivedId(...parts: readonly (string | number)[]): string {
  const [a, b, c, d] = hash128(JSON.stringify(parts))
  const [x, y, z] = [hex(b), hex(c), hex(d)]
  const variant = ((parseInt(y[0] as string, 16) & 3) | 8).toString(16)
  return `${hex(a)}-${x.slice(0, 4)}-8${x.slice(5)}-${variant}${y.slice(1, 4)}-${y.slice(4)}${z}`
}

/** True for ids as {@link derivedId} makes them: nobody else may make one. */
export const isDerivedId = (id: string): boolean => /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i.test(id)

/** What `newId` is in a handler: ids that follow from what it handles, another one at each call. */
export function newIdsFrom(...parts: readonly string[]): () => string {
  let made = 0
  return () => derivedId('new', ...parts, made++)
}

/** A short name for a text, to notice that it changed. */
export const fingerprint = (text: string): string => hex(hash128(text)[0]) + hex(hash128(text)[1])
