/** Fields as records and messages have them: absent where there is nothing to say, never `undefined`. */

/** Given `{ a: number | undefined }` you get `{ a?: number }`. */
type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Those of the fields that have a value. */
export const defined = <T extends object>(fields: T): Defined<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
