/** How many Commands of this book are on this device only. */
import { useSyncStatus } from './use-sync-status.ts'

/** @returns undefined until the worker has told */
export const usePendingCount = (): number | undefined => useSyncStatus()?.pending
