/**
 * Requests as promises, inside a transaction. Native promises keep a transaction alive from one of its requests to the next;
 * awaiting anything else ends it. https://w3c.github.io/IndexedDB/#transaction-lifecycle
 */

export const resultOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    if (request.readyState === 'done') {
      if (request.error) reject(request.error)
      else resolve(request.result)
      return
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

/** Results of requests of one transaction: they come in the order placed, so that waiting for the last is enough. */
export async function resultsOf<T>(requests: readonly IDBRequest<T>[]): Promise<T[]> {
  const last = requests.at(-1)
  if (last) await resultOf(last)
  return requests.map((request) => request.result)
}
