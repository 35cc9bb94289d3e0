/**
 * In a worker: every writing transaction has all its requests answered up to so long before it commits, as on a slow disk.
 * Whoever tells of success too early has told it, and then comes the death.
 */
export function slowCommits(atMostMs: number): void {
  const commit = IDBTransaction.prototype.commit
  IDBTransaction.prototype.commit = function (this: IDBTransaction) {
    if (this.mode !== 'readwrite') return commit.call(this)
    const until = performance.now() + Math.random() * atMostMs
    const store = this.objectStore(this.objectStoreNames[0] as string)
    const wait = (): void => {
      if (performance.now() >= until) commit.call(this)
      // A transaction stays open as long as there is something to answer.
      else store.get(0).onsuccess = wait
    }
    wait()
  }
}
