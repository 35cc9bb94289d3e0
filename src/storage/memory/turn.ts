type Later = (run: () => void) => void

/** Taken at load, so that faked timers in tests do not stop the storage. */
const later: Later = (globalThis as { setImmediate?: Later }).setImmediate ?? overChannel()

/** Resolves in a later task, those asked first coming first: no answer of a database comes in the task that asked. */
export const turn = (): Promise<void> => new Promise((resolve) => later(resolve))

/** In browsers: without the 4 ms that a chain of timeouts costs. */
function overChannel(): Later {
  const waiting: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => waiting.shift()?.()
  return (run) => {
    waiting.push(run)
    port2.postMessage(undefined)
  }
}
