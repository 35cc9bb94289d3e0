import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openBytes, piecesOf, readLines } from '../../demo/src/import/read-lines.ts'

/** Cuts bytes at the given places. */
async function* cut(bytes: Uint8Array, places: readonly number[]): AsyncGenerator<Uint8Array, void> {
  const at = [...places].map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)
  let from = 0
  for (const to of [...at, bytes.length]) {
    yield bytes.subarray(from, to)
    from = to
  }
}

async function linesOf(pieces: AsyncIterable<Uint8Array>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(pieces)) {
    lines.push(line.text)
    expect(line.number).toBe(lines.length)
  }
  return lines
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

// Letters of one to four bytes, the two halves of a line end, and what stands in order files.
const text = fc.string({ unit: fc.constantFrom('a', ',', ' ', '"', 'é', '€', '😀', '\n', '\r', '\r\n'), maxLength: 60 })

describe('lines of a file', () => {
  test('are the same wherever the pieces are cut, through characters and line ends too', () =>
    fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 12 }), async (content, places) => {
        const expected = content.split(/\r\n|\n|\r/)
        // What follows the last line end is a line only if something is there.
        if (expected.at(-1) === '') expected.pop()
        expect(await linesOf(cut(bytesOf(content), places))).toEqual(expected)
      }),
      { numRuns: 500 },
    ))

  test('have no byte order mark, even one that comes in three pieces', async () => {
    expect(await linesOf(cut(bytesOf('\ufeffa,b\nc'), [1, 2]))).toEqual(['a,b', 'c'])
  })

  test('keep their number although empty ones stand between them', async () => {
    expect(await linesOf(cut(bytesOf('a\n\n\r\nb'), []))).toEqual(['a', '', '', 'b'])
  })

  test('mark bytes that are no UTF-8', async () => {
    expect(await linesOf(cut(new Uint8Array([0x61, 0xe9, 0x2c, 0x62]), []))).toEqual(['a\ufffd,b'])
    expect(await linesOf(cut(new Uint8Array([0x61, 0xe2, 0x82]), []))).toEqual(['a\ufffd'])
  })

  test('come out of a gzip file whatever its name', async () => {
    const packed = new Blob([gzipSync('a,b\nc\n')])
    expect(await linesOf(piecesOf(await openBytes(packed)))).toEqual(['a,b', 'c'])
    expect(await linesOf(piecesOf(await openBytes(new Blob(['a,b\nc\n']))))).toEqual(['a,b', 'c'])
  })

  test('of a torn gzip file end in an error, not in silence', async () => {
    const torn = gzipSync('a,b\n'.repeat(1000)).subarray(0, -12)
    await expect(async () => linesOf(piecesOf(await openBytes(new Blob([torn]))))).rejects.toThrow(Error)
  })

  test('stop the stream behind them when nobody reads on', async () => {
    let cancelled = false
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(bytesOf('a\n')),
      cancel: () => void (cancelled = true),
    })
    for await (const line of readLines(piecesOf(stream))) if (line.number === 3) break
    expect(cancelled).toBe(true)
  })
})
