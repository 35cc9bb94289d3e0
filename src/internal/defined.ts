/** Fields as records and messages have them: absent where there is nothing to say, never `undefined`. */

/** Given `{ a: number | undefined }` you get `{ a?: number }`. */
type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Those of the fields that have a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  const found: Partial<T> = {}
  for (const key in fields) if (fields[key] !== undefined) found[key] = fields[key]
  return found as Defined<T>
}
