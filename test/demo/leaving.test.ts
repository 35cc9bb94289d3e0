import { expect, test } from 'vitest'
import { lossOf } from '../../demo/src/leaving.ts'

test('signing out loses nothing, and says what is still to be sent', () => {
  expect(lossOf('keep', 0)).toEqual({ bad: false, text: expect.stringContaining('stays on this device') as string })
  const { bad, text } = lossOf('keep', 1)
  expect(bad).toBe(false)
  expect(text).toMatch(/^1 change has not reached the server yet\..*when you sign in here again/)
})

test('deleting says what is lost for good, first of all where nobody else has it', () => {
  expect(lossOf('delete', 0)).toEqual({ bad: false, text: expect.stringContaining('The server has all of it') as string })
  const { bad, text } = lossOf('delete', 1200)
  expect(bad).toBe(true)
  expect(text).toMatch(/^1,200 changes have not reached the server yet: nobody else has them, and they are lost for good\./)
})

test('while it is not known what is unsent, nobody is told that nothing is lost', () => {
  expect(lossOf('keep', undefined).text).toContain('what in it has not been sent is sent')
  const { bad, text } = lossOf('delete', undefined)
  expect(bad).toBe(true)
  expect(text).toContain('is lost for good')
})
