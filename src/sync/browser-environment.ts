/** The browser's, as a worker has it. */
import { later } from '../internal/later.ts'
import type { SyncEnvironment } from './environment.ts'

export const browserEnvironment = (): SyncEnvironment => ({
  now: () => Date.now(),
  random: () => Math.random(),
  randomId: () => crypto.randomUUID(),
  later,
  fetch: (url, init) => fetch(url, init),
  gzip: typeof CompressionStream === 'undefined' ? undefined : gzip,
  async lock(name, options, held) {
    await navigator.locks.request(name, options, held)
  },
  channel(name, heard) {
    const channel = new BroadcastChannel(name)
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => heard(data))
    return { say: (word) => channel.postMessage(word), close: () => channel.close() }
  },
  onNetwork(changed) {
    const told = ({ type }: Event): void => changed(type === 'online')
    for (const type of ['online', 'offline']) addEventListener(type, told)
    return () => {
      for (const type of ['online', 'offline']) removeEventListener(type, told)
    }
  },
})

const gzip = async (text: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer())
