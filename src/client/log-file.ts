/** The log as a file: one line a record, in pages, so that neither thread holds all of it. */
import { isOutpostError, OutpostError } from '../errors.ts'
import type { Connection } from './connection.ts'

/** Bounds what one message costs each thread at a time. */
const linesPerPage = 500
const charactersPerPage = 1_000_000

export function exportLog(connection: Connection): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder()
  let from: number | undefined = 0
  return new ReadableStream({
    async pull(controller) {
      // A page may be empty, and a pull that brings nothing is not repeated.
      let text = ''
      while (text === '' && from !== undefined) {
        const page = await connection.call('exportPage', [from])
        text = page.text
        from = page.next
      }
      if (text !== '') controller.enqueue(encoder.encode(text))
      if (from === undefined) controller.close()
    },
  })
}

/** @param deadlineMs for one page */
export async function importLog(
  connection: Connection,
  file: Blob | ReadableStream<Uint8Array>,
  deadlineMs: number,
): Promise<{ readonly records: number; readonly events: number }> {
  // Another worker has not got the pages before.
  const options = { once: true, deadlineMs }
  const pages = pagesOf(file instanceof Blob ? file.stream() : file)
  const { value: header } = await pages.next()
  if (!header) throw new OutpostError('invalid-import', 'The file is empty. Give the whole file that `export()` made.')
  let begun = false
  try {
    await connection.call('importBegin', [header[0] as string], options)
    begun = true
    for await (const page of pages) await connection.call('importPage', [page], options)
    return await connection.call('importEnd', [], options)
  } catch (thrown) {
    await pages.return(undefined)
    // What came before is given up with its engine; the next one finds the log empty again.
    if (begun && !isOutpostError(thrown, 'worker-lost')) connection.replaceWorker()
    throw thrown
  }
}

/** The first line alone, then pages of lines without their ends. Empty lines are left out. */
async function* pagesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<readonly string[], undefined> {
  const decoder = new TextDecoder()
  const reader = stream.getReader()
  let rest = ''
  let page: string[] = []
  let characters = 0
  let limit = 1
  try {
    for (;;) {
      const { done, value } = await reader.read()
      const lines = (rest + decoder.decode(value, { stream: !done })).split('\n')
      rest = done ? '' : (lines.pop() as string)
      for (const line of lines.map((each) => each.trim())) {
        if (line === '') continue
        page.push(line)
        characters += line.length
        if (page.length < limit && characters < charactersPerPage) continue
        yield page
        limit = linesPerPage
        page = []
        characters = 0
      }
      if (!done) continue
      if (page.length > 0) yield page
      return undefined
    }
  } finally {
    // Left early, the source is told that nobody reads on.
    await reader.cancel()
  }
}
