/** One end of the way between page and worker: a `Worker`, the worker's own scope, a `MessagePort`, or anything of that shape. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void
  addEventListener(type: string, listener: EventListenerOrEventListenerObject): void
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject): void
  /** Where messages wait until it is called. */
  start?(): void
  close?(): void
}
