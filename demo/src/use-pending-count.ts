/** How many Commands of this book are on this device only. */

/** Nothing waits for a server as long as there is none. */
export const usePendingCount = (): number => 0
