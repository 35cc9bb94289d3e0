import { describe, expect, test } from 'vitest'
import { decodeAsError, decodeError, encodeError } from '../../src/channel/codec.ts'
import { isOutpostError, OutpostError } from '../../src/errors.ts'

/** What is left of it after both codecs and a crossing. */
const crossed = (thrown: unknown): unknown => decodeError(structuredClone(encodeError(thrown)))

describe('an error that crosses', () => {
  test('keeps code, message, details and the chain of causes', () => {
    const root = new RangeError('out of range')
    const middle = new OutpostError('storage-failed', 'The database is gone.', { database: 'stock' }, root)
    const error = crossed(
      new OutpostError('decide-failed', 'The handler threw.', { commandId: 'c1', issues: [{ path: ['a', 0] }] }, middle),
    ) as OutpostError
    expect(isOutpostError(error, 'decide-failed')).toBe(true)
    expect(error).toBeInstanceOf(OutpostError)
    expect(error.message).toBe('The handler threw.')
    expect(error.details).toEqual({ commandId: 'c1', issues: [{ path: ['a', 0] }] })
    expect(error.cause).toMatchObject({ name: 'OutpostError', code: 'storage-failed', details: { database: 'stock' } })
    expect((error.cause as Error).cause).toMatchObject({ name: 'RangeError', message: 'out of range' })
    expect(((error.cause as Error).cause as Error).cause).toBeUndefined()
  })

  test('tells where it was thrown, not where it was decoded', () => {
    function theGuiltyHandler(): Error {
      return new TypeError('undefined is not a stock item')
    }
    expect((crossed(theGuiltyHandler()) as Error).stack).toContain('theGuiltyHandler')
    expect((crossed(new OutpostError('closed', 'x')) as Error).stack).toContain('codec.test')
  })

  test('keeps the name of a DOMException, by which these are told apart', () => {
    const error = crossed(new DOMException('no room', 'QuotaExceededError')) as Error
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.message]).toEqual(['QuotaExceededError', 'no room'])
  })

  test('may have itself as its cause', () => {
    const error = new Error('round')
    error.cause = error
    expect((crossed(error) as Error).message).toBe('round')
  })

  test.each([
    ['a text', 'just this'],
    ['undefined', undefined],
    ['null', null],
    ['a plain object', { status: 409, when: new Date(5) }],
  ])('that is no error but %s stays that', (_, thrown) => {
    expect(crossed(thrown)).toEqual(thrown)
  })

  test('loses only those details that cannot cross', () => {
    const details = { id: 'i1', handler: () => 1, nested: { list: [1, Symbol('s')], at: new Date(7) } }
    const error = crossed(new OutpostError('handler-failed', 'It threw.', details)) as OutpostError
    expect(error.details).toEqual({ id: 'i1', handler: '() => 1', nested: { list: [1, 'Symbol(s)'], at: new Date(7) } })
  })

  test('crosses whatever its name, message and stack are', () => {
    const strange = Object.assign(new Error('x'), { name: () => 'no name', message: { at: () => 7 }, stack: Symbol('s') })
    const encoded = encodeError(new Error('outer', { cause: strange }))
    expect(() => structuredClone(encoded)).not.toThrow()
    expect(decodeError(encoded)).toMatchObject({ message: 'outer', cause: { message: '[object Object]', stack: 'Symbol(s)' } })
  })
  test('is an error where one is promised', () => {
    const error = decodeAsError(encodeError('a bare text'))
    expect(error).toBeInstanceOf(Error)
    expect(error.message).toContain('a bare text')
    expect(error.cause).toBe('a bare text')
    const same = decodeAsError(encodeError(new OutpostError('closed', 'It is closed.')))
    expect(isOutpostError(same, 'closed')).toBe(true)
  })
})
