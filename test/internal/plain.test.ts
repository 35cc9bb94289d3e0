import { expect, test } from 'vitest'
import { deepFreeze, keep } from '../../src/internal/plain.ts'

test.each([
  ['freezing', deepFreeze],
  ['keeping', keep],
])('%s goes on below a part that was frozen before, as zod makes them, and comes to an end in a circle', (_, freeze) => {
  const inner: { self?: unknown } = {}
  inner.self = inner
  const value = { list: Object.freeze([Object.freeze({ inner })]) }
  freeze(value)
  expect([value, value.list[0], inner].every((part) => Object.isFrozen(part))).toBe(true)
})
