/** What sync needs of its surroundings; the worker gives the browser's, tests a virtual clock and network. */

/** A way to the other tabs of this log. What is said may be lost; nobody hears himself. */
export interface Channel {
  say(word: unknown): void
  close(): void
}

export interface SyncEnvironment {
  /** ms since 1970. Jumps where the device slept or the tab was frozen. */
  now(): number
  /** From 0 to below 1. */
  random(): number
  /** A random id of at least 122 bits. */
  randomId(): string
  /** Runs after some time, or later; the returned function cancels. */
  later(delayMs: number, run: () => void): () => void
  fetch(url: string, init: RequestInit): Promise<Response>
  /** undefined where the browser cannot: bodies then go as they are. */
  readonly gzip: ((text: string) => Promise<Uint8Array<ArrayBuffer>>) | undefined
  /**
   * Runs `held` once the lock of this name is had alone, and lets go of it when that resolves. Rejects with an `AbortError`
   * where the signal fired before it was had, or where it was stolen.
   */
  lock(name: string, options: { readonly signal?: AbortSignal; readonly steal?: true }, held: () => Promise<void>): Promise<void>
  channel(name: string, heard: (word: unknown) => void): Channel
  /** Calls back when the browser thinks that the network has come or gone. @returns stops that */
  onNetwork(changed: (online: boolean) => void): () => void
}
