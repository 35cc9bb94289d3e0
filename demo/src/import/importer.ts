/** The one import of this browser: begins, cancels and resumes it, and tells every tab how far it is. */
import type { App } from 'outpost/client'
import type { stockroom } from '../domain/domain.ts'
import { noProgress, type ImportJob, type StockOptions } from './import-job.ts'
import type { ImportStore } from './import-store.ts'
import { runImport } from './run-import.ts'

export interface Importer {
  /** For `useSyncExternalStore`. */
  readonly subscribe: (changed: () => void) => () => void
  readonly current: () => ImportJob | undefined
  start(file: File, stock: StockOptions, batch?: string): void
  resume(): void
  cancel(): void
  /** Forgets a finished or broken off import; what it did stays. */
  dismiss(): void
  /** Ends an import in whatever tab it runs, and deletes all that is kept of it. From then on there is none in any open tab. */
  forget(): Promise<void>
}

type Message = { readonly job: ImportJob | undefined } | { readonly cancel: true } | { readonly forget: true }

// Often enough to look alive, seldom enough that a screen reader and the page's own work are not disturbed.
const tellEveryMs = 250

/**
 * @param name of the lock and channel that the tabs meet by
 */
export function createImporter(app: App<typeof stockroom>, store: ImportStore, name: string): Importer {
  const channel = new BroadcastChannel(name)
  const listeners = new Set<() => void>()
  let job: ImportJob | undefined
  let file: Blob | undefined
  let current: AbortController | undefined
  let forgotten = false

  const show = (next: ImportJob | undefined): void => {
    job = forgotten ? undefined : next
    for (const changed of listeners) changed()
  }
  const tell = (next: ImportJob | undefined): void => {
    show(next)
    channel.postMessage({ job: next } satisfies Message)
  }
  /** A job that cannot be kept is still carried out; only a reload would not go on with it. */
  const keep = (save: Promise<void>): Promise<boolean> =>
    save.then(
      () => true,
      (error: unknown) => {
        console.warn('This import cannot be kept for after a reload.', error)
        return false
      },
    )

  const run = async (from: ImportJob, source: Blob, abort: AbortController): Promise<void> => {
    let running: ImportJob = { ...from, phase: 'running', progress: noProgress, elapsedMs: 0 }
    const startedAt = performance.now()
    let toldAt = 0
    const onProgress = (progress: ImportJob['progress']): void => {
      running = { ...running, progress, elapsedMs: performance.now() - startedAt }
      if (performance.now() - toldAt < tellEveryMs) return
      toldAt = performance.now()
      tell(running)
    }
    tell(running)
    try {
      await runImport(app, source, { stock: from.stock, batch: from.batch, signal: abort.signal, onProgress })
      running = { ...running, phase: abort.signal.aborted ? 'cancelled' : 'done', elapsedMs: performance.now() - startedAt }
    } catch (error) {
      running = { ...running, phase: 'failed', problem: error instanceof Error ? error.message : String(error) }
    }
    await keep(store.saveJob(running))
    tell(running)
  }

  /** One tab imports at a time; the others wait for it, and take over if it dies. */
  const alone = (work: (abort: AbortController) => Promise<void>): void => {
    const abort = new AbortController()
    current = abort
    navigator.locks
      .request(name, async () => {
        if (!forgotten) await work(abort)
      })
      .catch((error: unknown) => {
        if (job) tell({ ...job, phase: 'failed', problem: error instanceof Error ? error.message : String(error) })
      })
  }

  let standingBy = false
  /** Waits until no tab imports any more; where an import was left unfinished then, goes on with it. */
  const standBy = (): void => {
    if (standingBy) return
    standingBy = true
    alone(async () => {
      standingBy = false
      // Made only now: who cancelled while waiting meant the import of the other tab.
      const abort = (current = new AbortController())
      const kept = await store.load()
      if (kept === undefined || kept.job.phase !== 'running') return show(kept?.job)
      if (kept.file !== undefined) return run(kept.job, kept.file, abort)
      const interrupted: ImportJob = { ...kept.job, phase: 'interrupted' }
      await store.saveJob(interrupted)
      tell(interrupted)
    })
  }
  const takeUp = async (): Promise<void> => {
    const kept = await store.load()
    // Whoever was quick has begun another one meanwhile.
    if (kept === undefined || job !== undefined) return
    file = kept.file
    show(kept.job)
    if (kept.job.phase === 'running') standBy()
  }

  const forgetHere = (): void => {
    forgotten = true
    file = undefined
    current?.abort()
    show(undefined)
  }

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ('cancel' in data) return current?.abort()
    if ('forget' in data) return forgetHere()
    show(data.job)
    if (data.job?.phase === 'running') standBy()
  }
  takeUp().catch((error: unknown) => console.warn('The last import could not be read.', error))

  return {
    subscribe: (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    current: () => job,
    start: (chosen, stock, batch) => {
      const starting: ImportJob = {
        id: crypto.randomUUID(),
        fileName: chosen.name,
        stock,
        ...(batch !== undefined && { batch }),
        phase: 'running',
        progress: noProgress,
        elapsedMs: 0,
      }
      file = chosen
      // At once, so that whoever looks for the end of this import does not find the end of the last.
      tell(starting)
      alone(async (abort) => {
        // The file first: a job without its file could not go on by itself.
        if (await keep(store.saveFile(chosen))) await keep(store.saveJob(starting))
        await run(starting, chosen, abort)
      })
    },
    resume: () => {
      if (job === undefined) return
      const again: ImportJob = { ...job, phase: 'running' }
      tell(again)
      alone(async (abort) => {
        // Another tab may have chosen the file.
        const source = (await store.load())?.file ?? file
        if (source === undefined) return tell({ ...again, phase: 'interrupted' })
        await keep(store.saveJob(again))
        await run(again, source, abort)
      })
    },
    cancel: () => {
      current?.abort()
      channel.postMessage({ cancel: true } satisfies Message)
    },
    dismiss: () => {
      tell(undefined)
      file = undefined
      store.clear().catch((error: unknown) => console.warn('The last import could not be forgotten.', error))
    },
    forget: async () => {
      forgetHere()
      channel.postMessage({ forget: true } satisfies Message)
      // An import that still runs, here or elsewhere, stops after what is under way; then there is nobody who would write.
      await navigator.locks.request(name, () => store.destroy())
    },
  }
}
