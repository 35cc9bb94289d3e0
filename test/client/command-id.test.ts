import { describe, expect, test } from 'vitest'
import { createIdSource } from '../../src/client/command-id.ts'

const form = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

describe('ids of Commands', () => {
  test('are UUIDs of version 7 that rise, thousands in a millisecond, whatever the clock does', () => {
    let now = 1_700_000_000_000
    const newId = createIdSource(() => now)
    const ids: string[] = []
    for (const clock of [now, now, now + 1, now - 5000, now + 2]) {
      now = clock
      for (let i = 0; i < 6000; i++) ids.push(newId())
    }
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.every((id) => form.test(id))).toBe(true)
    expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] as string))).toBe(true)
  })

  test('begin with the time', () => {
    const id = createIdSource(() => 0x0123456789ab)()
    expect(id.startsWith('01234567-89ab-7')).toBe(true)
  })

  test('differ between two pages in the same millisecond', () => {
    const [one, other] = [createIdSource(() => 1), createIdSource(() => 1)]
    expect(one().slice(19)).not.toBe(other().slice(19))
  })
})
