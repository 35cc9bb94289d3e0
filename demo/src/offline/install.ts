/** Installing the page as an app, where the browser lets a page ask for it. Others offer it in their menu. */
import { useSyncExternalStore } from 'react'

/** Chromium's, in no standard. */
interface InstallPrompt extends Event {
  prompt(): Promise<{ readonly outcome: 'accepted' | 'dismissed' }>
}

const listeners = new Set<() => void>()
let prompt: InstallPrompt | undefined

const keep = (next: InstallPrompt | undefined): void => {
  prompt = next
  for (const changed of listeners) changed()
}

/** Call it early: the browser offers once, soon after the page was loaded. */
export function listenForInstallPrompt(): void {
  addEventListener('beforeinstallprompt', (event) => keep(event as InstallPrompt))
  addEventListener('appinstalled', () => keep(undefined))
}

const subscribe = (changed: () => void): (() => void) => {
  listeners.add(changed)
  return () => listeners.delete(changed)
}

/** @returns asks the person, and resolves with true where the app is installed; undefined while the browser lets nobody ask */
export function useInstall(): (() => Promise<boolean>) | undefined {
  const offered = useSyncExternalStore(subscribe, () => prompt)
  if (offered === undefined) return undefined
  return async () => {
    // Good for one answer; the browser offers again when it sees fit.
    keep(undefined)
    return (await offered.prompt()).outcome === 'accepted'
  }
}
