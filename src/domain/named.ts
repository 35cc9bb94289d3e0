import { type ErrorCode, OutpostError } from '../errors.ts'

/**
 * What a domain has under this name.
 *
 * @param kind of what is named, as in "There is no Read Model …"
 * @param detail under which the error tells the name
 * @throws `code`, with the names that there are
 */
export function named<T>(
  all: ReadonlyMap<string, T>,
  name: string,
  code: Extract<ErrorCode, `unknown-${string}`>,
  kind: string,
  detail: string,
): T {
  const found = all.get(name)
  if (found) return found
  const known = [...all.keys()]
  throw new OutpostError(code, `There is no ${kind} "${name}". Known: ${known.join(', ') || 'none'}.`, { [detail]: name, known })
}
