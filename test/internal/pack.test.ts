/** Packed values: they come back as they were, the library whose notation it is reads and writes the same, strangers do no harm. */
import { parse, stringify } from 'devalue'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isJson, pack, unpack } from '../../src/internal/pack.ts'

const everything = {
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  maxDepth: 5,
} as const
const anyKey = fc.oneof({ weight: 9, arbitrary: fc.string({ unit: 'binary' }) }, { weight: 1, arbitrary: fc.constant('__proto__') })

test('what is packed comes back as it was', () => {
  fc.assert(
    fc.property(fc.anything({ ...everything, key: anyKey }), (value) => {
      expect(unpack(pack(value))).toStrictEqual(value)
    }),
    { numRuns: 2000 },
  )
})

test('devalue reads what is packed, and what devalue writes is unpacked', () => {
  const key = fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__')
  fc.assert(
    fc.property(fc.anything({ ...everything, key }), (value) => {
      expect(parse(pack(value))).toStrictEqual(value)
      expect(unpack(stringify(value))).toStrictEqual(value)
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['the infinities', [Infinity, -Infinity]],
  ['-0 beside 0', [-0, 0]],
  ['no Date', new Date(Number.NaN)],
  ['a RegExp with flags, and one without', [/a+\/"/giu, /b/]],
  ['an empty buffer', new ArrayBuffer(0)],
  ['every byte', Uint8Array.from({ length: 256 }, (_, i) => i)],
  ['big whole numbers in a view', new BigInt64Array([1n, -1n])],
  ['a DataView', new DataView(Uint8Array.of(1, 2).buffer)],
  ['an empty list with a length', Array.from({ length: 0 })],
  ['halves of a surrogate pair', ['\ud800', '\udc00', { '\ud800': 1 }]],
  ['lists as keys', new Map([[[1, [2]], 'a']])],
])('%s', (_, value) => {
  expect(unpack(pack(value))).toStrictEqual(value)
})

test('parts that are shared are shared, and those that hold themselves do', () => {
  const list: unknown[] = []
  const circle = { list, map: new Map<unknown, unknown>(), ['__proto__.']: 1 }
  list.push(circle, list)
  circle.map.set(circle.map, circle)
  const bytes = new Uint8Array(4)
  const back = unpack(pack([circle, bytes, new Uint16Array(bytes.buffer)])) as [typeof circle, Uint8Array, Uint16Array]
  expect(back[0].list).toEqual([back[0], back[0].list])
  expect(back[0].map.get(back[0].map)).toBe(back[0])
  expect(back[1].buffer).toBe(back[2].buffer)
})

test('a field called __proto__ is a field, wherever it stands', () => {
  const odd = JSON.parse('{"a":1,"__proto__":{"admin":true},"b":2}') as object
  Object.assign(odd, { at: new Date(0), self: odd })
  const back = (unpack(pack([odd])) as [{ self: unknown; admin?: boolean }])[0]
  expect(Object.keys(back)).toEqual(['a', '__proto__', 'b', 'at', 'self'])
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  expect(back.admin).toBeUndefined()
  expect(back.self).toBe(back)
})

test('an object without a prototype comes back with one, as from a structured clone', () => {
  const bare = Object.assign(Object.create(null) as object, { a: [new Date(0)] })
  expect(unpack(pack(bare))).toStrictEqual(structuredClone(bare))
})

test('bytes around a view stay where they are', () => {
  const pool = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const back = unpack(pack(pool.subarray(2, 4))) as Uint8Array
  expect(back).toEqual(Uint8Array.of(3, 4))
  expect(back.buffer.byteLength).toBe(2)
})

test('a list of one element far out takes no longer than it has elements', () => {
  const far: number[] = []
  far[4_000_000_000] = 1
  const startedAt = performance.now()
  const back = unpack(pack(far)) as number[]
  expect([back.length, Object.keys(back)]).toEqual([4_000_000_001, ['4000000000']])
  expect(performance.now() - startedAt).toBeLessThan(100)
})

test.each([[() => 1], [Symbol('a')], [{ f: () => 1 }], [new WeakMap()], [new Error('no')], [new (class Point {})()]])(
  'is not packed: %s',
  (value) => {
    expect(() => pack(value)).toThrow(TypeError)
  },
)

describe('a stranger’s text', () => {
  test.each([
    ['', /JSON/],
    ['[]', /packed/],
    ['null', /packed/],
    ['{"0":1}', /packed/],
    ['5', /packed/],
    ['-2', /packed/],
    ['[[5]]', /packed/],
    ['[["length"]]', /packed/],
    ['[{"a":"length"},1]', /packed/],
    ['[["constructor",1],["ArrayBuffer",""]]', /packed/],
    ['[["Function",1],["ArrayBuffer",""]]', /packed/],
    ['[["Uint8Array",1],1000000000]', /packed/],
    ['[["Uint64Array",1],["ArrayBuffer",""]]', /packed/],
    ['[["Uint8Array",0]]', /./],
    ['[["BigInt","1.5"]]', /BigInt/],
    ['[["ArrayBuffer","!"]]', /./],
    ['[[-7,-1]]', /packed/],
    ['[[-7,4294967296]]', /packed/],
    ['[[-7,2,2,1],1]', /packed/],
    ['[[-7,2,"length",1],1]', /packed/],
  ])('%s is refused', (text, why) => {
    expect(() => unpack(text)).toThrow(why)
  })

  test('ten lists that claim to be long reserve nothing', () => {
    const before = process.memoryUsage().rss
    const text = JSON.stringify([Array.from({ length: 10 }, (_, i) => i + 1), ...Array.from({ length: 10 }, () => [-7, 30_000_000])])
    expect(unpack(text)).toHaveLength(10)
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
  })

  test('whatever it says, is refused or a value, and leaves nothing behind', () => {
    const index = fc.integer({ min: -8, max: 6 })
    const word = fc.constantFrom('Date', 'Map', 'Set', 'null', 'RegExp', 'BigInt', 'ArrayBuffer', 'Uint8Array', '__proto__', 'a')
    const part = fc.oneof(
      fc.array(fc.oneof(index, word), { maxLength: 5 }),
      fc.tuple(word, index, index),
      fc.dictionary(word, index),
      fc.json().map((text) => JSON.parse(text) as unknown),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
        const names = Object.getOwnPropertyNames(Object.prototype)
        try {
          unpack(JSON.stringify(parts))
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
        expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names)
      }),
      { numRuns: 5000 },
    )
  })
})

test('what is JSON already is told from what is not', () => {
  fc.assert(
    fc.property(fc.anything({ ...everything, key: anyKey }), (value) => {
      if (isJson(value)) expect(JSON.parse(JSON.stringify(value))).toStrictEqual(value)
    }),
    { numRuns: 2000 },
  )
  for (const value of [Number.NaN, -0, undefined, [undefined], new Date(0), { a: 1n }]) expect(isJson(value)).toBe(false)
  for (const value of [null, 'a', 1.5, [{ a: [] }], JSON.parse('{"__proto__":1}')]) expect(isJson(value)).toBe(true)
})
