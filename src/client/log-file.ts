/** The log as a file: exported page by page as it is read, so that neither thread holds all of it. */
import { isOutpostError } from '../errors.ts'
import type { Connection } from './connection.ts'

export function exportLog({ works }: Connection): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder()
  let from: number | undefined = 0
  return new ReadableStream({
    async pull(controller) {
      // A page may be empty, and a pull that brings nothing is not repeated.
      let text = ''
      while (text === '' && from !== undefined) {
        const page = await works.call('exportPage', [from])
        text = page.text
        from = page.next
      }
      if (text !== '') controller.enqueue(encoder.encode(text))
      if (from === undefined) controller.close()
    },
  })
}

export async function importLog(
  connection: Connection,
  file: Blob | ReadableStream<Uint8Array>,
  deadlineMs: number,
): Promise<{ readonly records: number; readonly events: number }> {
  // A Blob is a handle: the worker reads it, not this thread. A stream cannot cross in every browser.
  const blob = file instanceof Blob ? file : await new Response(file as ReadableStream<Uint8Array<ArrayBuffer>>).blob()
  try {
    return await connection.works.call('importLog', [blob], deadlineMs)
  } catch (thrown) {
    // What came before the failure is given up together with the engine; the next one finds the log empty again.
    if (isOutpostError(thrown, 'invalid-import')) connection.replaceWorker()
    throw thrown
  }
}
