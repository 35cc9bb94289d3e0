/**
 * An object whose members are made when first asked for, and kept: what a domain declares is known to the page's types
 * only. Names that no declaration may have, and those by which the language asks what an object is, have none.
 */
export function byName<T>(make: (name: string) => T, fixed: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, T>> {
  const made = new Map<string, unknown>(Object.entries(fixed))
  return new Proxy(Object.create(null) as Record<string, T>, {
    get(_, name) {
      if (typeof name !== 'string' || name === 'then' || name === 'toJSON' || !/^[A-Za-z][\w-]*$/.test(name)) return undefined
      if (!made.has(name)) made.set(name, make(name))
      return made.get(name)
    },
  })
}
