/** Assertions of the contract, without a test runner, so that it also runs inside a page. */
import { isOutpostError, messageOf, type ErrorCode } from '../../errors.ts'

/** A storage does not keep the contract; the message says what was expected. */
export class ContractBroken extends Error {
  override readonly name = 'ContractBroken'
}

export function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new ContractBroken(what)
}

/** Equal in every respect that a structured clone keeps. */
export function assertSame(actual: unknown, expected: unknown, what: string): void {
  assert(isSame(actual, expected), `${what}: expected ${show(expected)}, got ${show(actual)}`)
}

export async function assertRejects(call: () => Promise<unknown>, code: ErrorCode, what: string): Promise<void> {
  const thrown = await call().then(
    () => undefined,
    (error: unknown) => error ?? new Error('nothing'),
  )
  assert(thrown !== undefined, `${what}: expected to reject with ${code}, but it resolved`)
  assert(isOutpostError(thrown, code), `${what}: expected to reject with ${code}, got ${messageOf(thrown)}`)
}

export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (kindOf(a) !== kindOf(b)) return false
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime())
  if (a instanceof RegExp) return a.source === (b as RegExp).source && a.flags === (b as RegExp).flags
  if (a instanceof ArrayBuffer) return isSame(new Uint8Array(a), new Uint8Array(b as ArrayBuffer))
  if (a instanceof Map) return isSame([...a], [...(b as Map<unknown, unknown>)])
  if (a instanceof Set) return isSame([...a], [...(b as Set<unknown>)])
  const keys = Reflect.ownKeys(a)
  return (
    keys.length === Reflect.ownKeys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(Reflect.get(a, key), Reflect.get(b, key)))
  )
}

const kindOf = (value: object): string => Object.prototype.toString.call(value)

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`
    if (part instanceof Map || part instanceof Set) return { [kindOf(part)]: [...part] }
    return part
  })
  return text === undefined ? String(value) : text.length > 400 ? `${text.slice(0, 400)}…` : text
}
