import { type Checkpoint, checkpointOf, LOG_FORMAT, type LogRecord } from '../../storage/record.ts'
import type { Row } from '../../storage/storage.ts'

/** A record with nothing in it but what tells it from others. */
export const record = (number: number, id = `record ${number}`, payload?: unknown): LogRecord => ({
  number,
  id,
  format: LOG_FORMAT,
  kind: 'commit',
  at: 1_700_000_000_000 + number,
  position: number,
  commands: payload === undefined ? [] : [{ ...command, id: `command of ${id}`, payload }],
  events: [],
})

const command = { type: 'sample.command', schema: 1, at: 0, correlationId: 'c', outcome: { ok: true } } as const

export const checkpoint = (number: number, id?: string): Checkpoint => checkpointOf(record(number, id))

/** Strings that are told apart only by who treats them as UTF-16 code units, and names that JavaScript treats specially. */
export const ODD_STRINGS = ['', ' ', '0', '👩🏽‍🚀', '\ud800', '\udc00', '\uffff', '\u0000', 'é', 'e\u0301', '__proto__', 'constructor', 'İ']

/** Everything that a structured clone keeps and JSON does not, or that adapters are known to lose. */
export function oddValues(): Row {
  const buffer = new Uint8Array([9, 1, 2, 3, 9]).buffer
  let nested: unknown = 'deep'
  for (let depth = 0; depth < 200; depth++) nested = depth % 2 ? [nested] : { nested }
  return {
    undefined: undefined,
    null: null,
    numbers: [0, -0, Number.NaN, Infinity, -Infinity, Number.MAX_SAFE_INTEGER, 5e-324],
    booleans: [true, false],
    bigints: [0n, -(2n ** 100n)],
    dates: [new Date(0), new Date(-1), new Date(Number.NaN)],
    map: new Map<unknown, unknown>([
      ['b', 1],
      ['a', new Map([[{ key: 1 }, new Set([1])]])],
      [undefined, undefined],
    ]),
    set: new Set<unknown>(['b', 'a', Number.NaN, new Date(1)]),
    bytes: new Uint8Array([0, 127, 255]),
    view: new Uint8Array(buffer, 1, 3),
    floats: new Float64Array([0.1, -0]),
    buffer,
    regexp: /a+/giu,
    empty: { array: [], object: {}, string: '', map: new Map(), set: new Set(), bytes: new Uint8Array() },
    strings: ODD_STRINGS,
    keys: Object.fromEntries(ODD_STRINGS.map((key, i) => [key, i])),
    // A literal would set the prototype; parsed, it is a property like others.
    proto: JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as unknown,
    nested,
  }
}
