/**
 * Counts, in a worker, the appends that found their number taken by another tab. Nothing that an app sees tells of them,
 * so it is IndexedDB itself that is asked: each is a transaction in which an `add` to the records failed.
 */
export function countCollisions(channelName: string): void {
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
  const channel = new BroadcastChannel(channelName)
  channel.addEventListener('message', ({ data }) => {
    if (data === 'how many?') channel.postMessage(collisions)
  })
}

/** Asks the worker that counts on this channel. */
export async function askCollisions(channelName: string): Promise<number> {
  const channel = new BroadcastChannel(channelName)
  try {
    return await new Promise<number>((resolve) => {
      channel.addEventListener('message', ({ data }) => typeof data === 'number' && resolve(data))
      channel.postMessage('how many?')
    })
  } finally {
    channel.close()
  }
}
