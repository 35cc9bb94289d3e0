/** A file's bytes as lines of text, whatever the pieces in which they come. */

export interface Line {
  /** Counts from 1, empty lines too: what an editor shows. */
  readonly number: number
  readonly text: string
}

/** The file's bytes, unpacked where it is gzip. Judged by its first two bytes: names lie, and a shared file may have none. */
export async function openBytes(file: Blob): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer())
  const isGzip = head[0] === 0x1f && head[1] === 0x8b
  return isGzip ? file.stream().pipeThrough(new DecompressionStream('gzip')) : file.stream()
}

/** The pieces of a stream, one by one. Safari cannot iterate a stream. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value
  } finally {
    // Reached half-way by who stops early: whatever makes the bytes is told to stop as well.
    await reader.cancel().catch(() => undefined)
  }
}

/**
 * Lines of UTF-8 text, ended by LF, CRLF or CR; the last one may have no end. A byte order mark is dropped, bytes that are
 * no UTF-8 become U+FFFD.
 */
export async function* readLines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Line, void> {
  const decoder = new TextDecoder()
  let number = 0
  let rest = ''
  for await (const piece of pieces) {
    const text = rest + decoder.decode(piece, { stream: true })
    // A CR at the very end may be half of a CRLF: it stays until the next piece tells.
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text
    const lines = whole.split(/\r\n|\n|\r/)
    rest = (lines.pop() ?? '') + text.slice(whole.length)
    for (const line of lines) yield { number: ++number, text: line }
  }
  rest += decoder.decode()
  if (rest !== '') for (const line of rest.replace(/\r$/, '').split('\r')) yield { number: ++number, text: line }
}
