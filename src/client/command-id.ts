/**
 * Makes ids of Commands: UUIDs of version 7 (RFC 9562), which sort by time and rise within one page, so that the log's
 * index of ids is written at its end.
 */
export function createIdSource(now: () => number = Date.now): () => string {
  let lastAt = 0
  let counter = 0
  const random = new Uint8Array(10)
  return () => {
    crypto.getRandomValues(random)
    const at = now()
    if (at > lastAt) {
      lastAt = at
      // Begins low, so that one millisecond has room for thousands.
      counter = ((random[8] as number) << 8 | (random[9] as number)) & 0x3ff
    } else if (++counter > 0xfff) {
      // Ahead of the clock for a moment; a clock set back is ridden out the same way.
      lastAt++
      counter = 0
    }
    const time = lastAt.toString(16).padStart(12, '0')
    const tail = Array.from(random.subarray(0, 8), (byte, i) => (i === 0 ? (byte & 0x3f) | 0x80 : byte).toString(16).padStart(2, '0')).join('')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`
  }
}
