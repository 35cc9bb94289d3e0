import { expect, test, vi } from 'vitest'
import { later } from '../../src/internal/later.ts'

test('a wait that is too long for a timer does not end at once', () => {
  vi.useFakeTimers()
  try {
    const ran: string[] = []
    later(2 ** 31, () => ran.push('long'))
    later(10, () => ran.push('short'))
    const callOff = later(20, () => ran.push('called off'))
    callOff()
    vi.advanceTimersByTime(2 ** 31 - 2)
    expect(ran).toEqual(['short'])
    vi.advanceTimersByTime(1)
    expect(ran).toEqual(['short', 'long'])
  } finally {
    vi.useRealTimers()
  }
})
