/** Reads a request's body: JSON, perhaps compressed, never more of it than the limit. */
import type { Closing } from './closing.ts'
import { SyncFault, unavailable } from './sync-fault.ts'

/**
 * @param closing once it has begun, what has not come yet is waited for no longer
 * @throws SyncFault `media-type`, `too-large`, `bad-request`; `unavailable` where the server closes
 */
export async function readJson(request: Request, limit: number, closing: Closing): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new SyncFault('media-type', 'A body is `application/json`.')
  const coding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (coding !== 'gzip' && coding !== 'identity') throw new SyncFault('media-type', 'A body is plain, or compressed with gzip.')
  if (!request.body) throw new SyncFault('bad-request', 'The body is missing.')
  const announced = Number(request.headers.get('content-length') ?? 0)
  if (announced > limit) throw tooLarge(limit)
  const sent = limited(request.body, limit, closing)
  // Unpacked as it is read: where the limit is reached nobody asks for the rest, so it is never unpacked.
  const text = coding === 'gzip' ? unpacked(sent, limit, closing) : sent
  const bytes = await gather(text).catch((error: unknown) => {
    throw error instanceof SyncFault ? error : new SyncFault('bad-request', 'The body broke off, or is not compressed as it says.')
  })
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    throw new SyncFault('bad-request', 'The body is no JSON.')
  }
}

type Bytes = AsyncIterable<Uint8Array>

async function* unpacked(bytes: Bytes, limit: number, closing: Closing): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]()
  const packed = new ReadableStream<BufferSource>({
    async pull(controller) {
      const next = await iterator.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value as Uint8Array<ArrayBuffer>)
    },
    async cancel() {
      await iterator.return?.()
    },
  })
  yield* limited(packed.pipeThrough(new DecompressionStream('gzip')), limit, closing)
}

/** What the stream gives. Left early, it is cancelled. */
async function* limited(stream: ReadableStream<Uint8Array>, limit: number, closing: Closing): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let left = limit
  // A stream that failed cannot be cancelled, and need not be.
  const cancel = (): Promise<void> => reader.cancel().catch(() => undefined)
  const stay = closing.onBegun(() => void cancel())
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (closing.begun) throw unavailable('The server is shutting down.')
      if (done) return
      left -= value.byteLength
      if (left < 0) throw tooLarge(limit)
      yield value
    }
  } finally {
    stay()
    await cancel()
  }
}

async function gather(bytes: Bytes): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of bytes) {
    parts.push(part)
    length += part.byteLength
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

const tooLarge = (limit: number): SyncFault =>
  new SyncFault('too-large', `A body has at most ${limit} bytes, unpacked: send fewer Commands at once.`)
