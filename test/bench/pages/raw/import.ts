/** The page of the hand-written import: it says when it is through, and shows the first rows after a reload. */
import type { ImportAnswer } from './import.worker.ts'

const worker = new Worker(new URL('./import.worker.ts', import.meta.url), { type: 'module', name: 'stockroom' })
const ask = (file?: Blob): Promise<ImportAnswer> =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<ImportAnswer>) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(file)
  })

Object.assign(globalThis, {
  rawImport: {
    /** @returns ms, and what there is afterwards */
    async run(url: string) {
      const file = await (await fetch(url)).blob()
      const startedAt = performance.now()
      const { totals, events } = await ask(file)
      return { ms: performance.now() - startedAt, totals, events }
    },
    /** Shows the first rows; ms since the page's navigation began. */
    async show() {
      const { totals, first } = await ask()
      const table = document.createElement('table')
      for (const row of first) {
        const cells = table.insertRow()
        for (const value of Object.values(row as object)) cells.insertCell().textContent = String(value)
      }
      document.body.replaceChildren(table)
      return { ms: performance.now(), rows: table.rows.length, totals }
    },
  },
})
