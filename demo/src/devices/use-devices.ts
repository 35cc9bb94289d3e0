/** The two devices, open as long as they are shown. */
import { useSyncExternalStore } from 'react'
import type { Cable } from './cable.ts'
import { openDevice, type Device } from './device.ts'

export type Devices = readonly [Device, Device]

let open: Devices | undefined

function openBoth(changed: () => void): () => void {
  const devices = [openDevice('Left'), openDevice('Right')] as const
  open = devices
  changed()
  return () => {
    if (open === devices) open = undefined
    for (const device of devices) device.close()
  }
}

/** For one screen at a time. @returns undefined until they are open */
export const useDevices = (): Devices | undefined => useSyncExternalStore(openBoth, () => open)

export const useIsCut = ({ subscribe, isCut }: Cable): boolean => useSyncExternalStore(subscribe, isCut)
