/** What a service worker has of its surroundings, as far as this one uses it: TypeScript's library for them clashes with the page's. */

interface LastingEvent {
  /** The event is not over, and the browser does not end the service worker, before this is. */
  waitUntil(work: Promise<unknown>): void
}

interface FetchEvent extends LastingEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

export interface KeptFile {
  /** Relative to the scope. */
  readonly url: string
  /** Of its content: `sha384-…`. */
  readonly integrity: string
}

export interface ServiceWorkerScope {
  /** The files of the build that this service worker belongs to; written in its place by the build. */
  readonly __WB_MANIFEST: readonly KeptFile[]
  readonly registration: { readonly scope: string }
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
  addEventListener(type: 'install' | 'activate', hear: (event: LastingEvent) => void): void
  addEventListener(type: 'message', hear: (event: LastingEvent & { readonly data: unknown }) => void): void
  addEventListener(type: 'fetch', hear: (event: FetchEvent) => void): void
}
