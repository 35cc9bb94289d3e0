/**
 * In a worker: whoever asks IndexedDB for the records of the log after one from `from` up to, not including, `to` waits for
 * ever. All else goes on: who only follows the log asks for what comes after its last record.
 */
export function holdRecords(from: number, to: number): void {
  const getAll = IDBObjectStore.prototype.getAll
  IDBObjectStore.prototype.getAll = function (this: IDBObjectStore, ...args) {
    const request = getAll.apply(this, args)
    const [query] = args
    const after = this.name === 'records' && query instanceof IDBKeyRange ? Number(query.lower) : NaN
    // Nobody is told of its success.
    if (after >= from && after < to) Object.defineProperty(request, 'onsuccess', { set: ignore })
    return request
  }
}

const ignore = (): void => {}
