/** The worker's end of a cable: all that it fetches goes through. */
import { cables, type CableWord } from './cable.ts'

/** To be called before anything is fetched. @param device whose worker this is */
export function plugIn(device: string): void {
  const network = globalThis.fetch.bind(globalThis)
  const channel = new BroadcastChannel(cables)
  /** What is under way while the cable is whole; undefined while it is cut. */
  let whole: AbortController | undefined
  let told: () => void
  const known = new Promise<void>((resolve) => (told = resolve))
  // What the browser itself rejects with, where there is no network.
  const broken = (): TypeError => new TypeError('Failed to fetch')

  channel.addEventListener('message', ({ data }: MessageEvent<CableWord>) => {
    if (data.device !== device || data.isCut === undefined) return
    if (!data.isCut) whole ??= new AbortController()
    else {
      whole?.abort(broken())
      whole = undefined
    }
    told()
  })
  channel.postMessage({ device } satisfies CableWord)

  globalThis.fetch = async (address, options = {}) => {
    // A worker that has just been started asks its page first.
    await known
    if (whole === undefined) throw broken()
    const signals = options.signal ? [options.signal, whole.signal] : [whole.signal]
    return network(address, { ...options, signal: AbortSignal.any(signals) })
  }
}
