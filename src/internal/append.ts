/** Adds to the list that the map has under this key. */
export function append<Key, Value>(to: Map<Key, Value[]>, key: Key, value: Value): void {
  const before = to.get(key)
  if (before) before.push(value)
  else to.set(key, [value])
}
