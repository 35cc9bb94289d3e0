/** The log as a file: exported page by page as it is read, so that neither thread holds all of it. */
import type { ExportPlace } from '../engine/engine.ts'
import { isOutpostError } from '../errors.ts'
import { type Connection, longDeadlineMs } from './connection.ts'

export function exportLog({ works }: Connection): ReadableStream<Uint8Array<ArrayBuffer>> {
  let from: ExportPlace | undefined
  return new ReadableStream({
    async pull(controller) {
      const page = await works.call('exportPage', [from])
      controller.enqueue(page.bytes)
      from = page.next
      if (!from) controller.close()
    },
  })
}

export async function importLog(
  connection: Connection,
  file: Blob | ReadableStream<Uint8Array>,
): Promise<{ readonly records: number; readonly events: number }> {
  // A Blob is a handle: the worker reads it, not this thread. A stream cannot cross in every browser.
  const blob = file instanceof Blob ? file : await new Response(file as ReadableStream<Uint8Array<ArrayBuffer>>).blob()
  return connection.works.call('importLog', [blob], longDeadlineMs).catch((thrown: unknown) => {
    // What came before the failure is given up together with the engine; the next one finds the log empty again.
    if (!isOutpostError(thrown, 'log-not-empty')) connection.replaceWorker()
    throw thrown
  })
}
