/** How the book stands with the server. */
import type { AppSync, SyncStatus } from 'outpost/client'
import { useMemo, useSyncExternalStore } from 'react'
import { useApp } from './hooks.ts'

/** The latest of a stream, in the shape that React asks for. */
function latestOf({ status$ }: AppSync) {
  let latest: SyncStatus | undefined
  return {
    get: () => latest,
    subscribe(changed: () => void) {
      const next = (status: SyncStatus): void => {
        latest = status
        changed()
      }
      // Where the worker fails, the book's own status says so.
      const subscription = status$.subscribe({ next, error: () => undefined })
      return () => subscription.unsubscribe()
    },
  }
}

/** @returns undefined until the worker has told */
export function useSyncStatus(): SyncStatus | undefined {
  const { sync } = useApp()
  const store = useMemo(() => latestOf(sync), [sync])
  return useSyncExternalStore(store.subscribe, store.get)
}
