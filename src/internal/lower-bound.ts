/** Place, from `from` on, of the first that is not below; those below come first. */
export function lowerBound<T>(sorted: ArrayLike<T>, isBelow: (each: T) => boolean, from = 0): number {
  let low = from
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(sorted[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
