/**
 * An object whose members are made when first asked for, and kept: what a domain declares is known to the page's types
 * only. Names by which the language asks what an object is have none.
 */
export function byName<T>(make: (name: string) => T): Readonly<Record<string, T>> {
  const made: Record<string, T> = Object.create(null) as Record<string, T>
  return new Proxy(made, {
    get: (_, name) => (typeof name !== 'string' || name === 'then' || name === 'toJSON' ? undefined : (made[name] ??= make(name))),
  })
}
