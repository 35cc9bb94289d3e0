/**
 * Counts, in a worker, the appends that found their number taken by another tab. Nothing that an app sees tells of them,
 * so it is IndexedDB itself that is asked: each is a transaction in which an `add` to the records failed.
 */
export function countCollisions(): () => number {
  const collided = new WeakSet<IDBTransaction>()
  let collisions = 0
  const add = IDBObjectStore.prototype.add
  IDBObjectStore.prototype.add = function (this: IDBObjectStore, ...args) {
    const request = add.apply(this, args)
    if (this.name !== 'records') return request
    const { transaction } = this
    request.addEventListener('error', () => {
      if (request.error?.name !== 'ConstraintError' || collided.has(transaction)) return
      collided.add(transaction)
      collisions++
    })
    return request
  }
  return () => collisions
}
