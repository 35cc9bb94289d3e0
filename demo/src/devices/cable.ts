/**
 * A device's way to the network, which can be cut. It is the transport that is cut, not sync: what the device's worker fetches
 * then fails, and what it is reading breaks, as when a cable is pulled. The worker's end of it is in `plug-in.ts`.
 */
export interface CableWord {
  /** Whose cable it is. */
  readonly device: string
  /** What holds from now on; undefined where the worker asks. */
  readonly isCut?: boolean
}

export const cables = 'stockroom.cables'

export interface Cable {
  readonly isCut: () => boolean
  readonly subscribe: (changed: () => void) => () => void
  /** For all tabs; also after a reload. */
  cut(): void
  join(): void
  close(): void
}

/** To be laid before the device's worker is started. */
export function layCable(device: string): Cable {
  const key = `${cables}.${device}`
  const isCut = (): boolean => localStorage.getItem(key) !== null
  const listeners = new Set<() => void>()
  const channel = new BroadcastChannel(cables)
  const tell = (): void => {
    channel.postMessage({ device, isCut: isCut() } satisfies CableWord)
    for (const changed of listeners) changed()
  }
  channel.addEventListener('message', ({ data }: MessageEvent<CableWord>) => {
    if (data.device !== device) return
    if (data.isCut === undefined) tell()
    else for (const changed of listeners) changed()
  })
  return {
    isCut,
    subscribe(changed) {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    cut() {
      localStorage.setItem(key, 'cut')
      tell()
    },
    join() {
      localStorage.removeItem(key)
      tell()
    },
    close: () => channel.close(),
  }
}
