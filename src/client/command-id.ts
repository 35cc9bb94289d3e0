/**
 * Makes ids of Commands: UUIDs of version 7 (RFC 9562), which sort by time and rise within one page, so that the log's
 * index of ids is written at its end.
 */
export function createIdSource(now: () => number = Date.now): () => string {
  let lastAt = 0
  let counter = 0
  return () => {
    const at = now()
    if (at > lastAt) {
      lastAt = at
      counter = 0
    } else if (++counter > 0xfff) {
      // Ahead of the clock for a moment; a clock set back is ridden out the same way.
      lastAt++
      counter = 0
    }
    const time = lastAt.toString(16).padStart(12, '0')
    // The version is the first digit before the counter; the variant and 62 random bits are where version 4 has them.
    return `${time.slice(0, 8)}-${time.slice(8)}-${(0x7000 + counter).toString(16)}${crypto.randomUUID().slice(18)}`
  }
}
