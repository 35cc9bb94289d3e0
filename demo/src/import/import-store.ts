/** Keeps the import and its file in a small database of the demo's own, so that it goes on after a reload. */
import type { ImportJob } from './import-job.ts'

export interface KeptImport {
  readonly job: ImportJob
  readonly file: Blob | undefined
}

export interface ImportStore {
  load(): Promise<KeptImport | undefined>
  saveFile(file: Blob): Promise<void>
  saveJob(job: ImportJob): Promise<void>
  clear(): Promise<void>
  /** Leaves nothing, not even the database; what is saved later makes it anew. */
  destroy(): Promise<void>
}

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'))
  })

const finished = (transaction: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB gave up'))
  })

export function openImportStore(name: string): ImportStore {
  const open = async (): Promise<IDBDatabase> => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore('import')
    return done(request)
  }
  const write = async (change: (store: IDBObjectStore) => void): Promise<void> => {
    const database = await open()
    try {
      const transaction = database.transaction('import', 'readwrite')
      change(transaction.objectStore('import'))
      await finished(transaction)
    } finally {
      database.close()
    }
  }
  return {
    load: async () => {
      const database = await open()
      try {
        const store = database.transaction('import').objectStore('import')
        const [job, file] = await Promise.all([done<unknown>(store.get('job')), done<unknown>(store.get('file'))])
        return job === undefined ? undefined : { job: job as ImportJob, file: file as Blob | undefined }
      } finally {
        database.close()
      }
    },
    saveFile: (file) => write((store) => store.put(file, 'file')),
    saveJob: (job) => write((store) => store.put(job, 'job')),
    clear: () => write((store) => store.clear()),
    destroy: async () => void (await done(indexedDB.deleteDatabase(name))),
  }
}
