import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { nextFrame } from '../../src/react/frame.ts'

let frames: (() => void)[]
beforeEach(() => {
  frames = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.stubGlobal('requestAnimationFrame', (draw: () => void) => frames.push(draw))
  vi.stubGlobal('cancelAnimationFrame', (id: number) => (frames[id - 1] = () => undefined))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const draw = (): void => frames.splice(0).forEach((frame) => frame())

test('what changes between two frames is told once, with the next one', () => {
  const told: string[] = []
  const [show, other] = [() => told.push('show'), () => told.push('other')]
  nextFrame(show)
  nextFrame(other)
  nextFrame(show)
  expect(told).toEqual([])
  draw()
  expect(told).toEqual(['show', 'other'])
  vi.advanceTimersByTime(10_000)
  expect(told).toHaveLength(2)
})

test('a page that stops drawing while it is waited for, as one does that is hidden, is told all the same', () => {
  const told: string[] = []
  nextFrame(() => told.push('first'))
  nextFrame(() => told.push('second'))
  vi.advanceTimersByTime(100)
  expect(told).toEqual(['first', 'second'])
  draw()
  expect(told).toHaveLength(2)
  nextFrame(() => told.push('third'))
  vi.advanceTimersByTime(100)
  expect(told).toEqual(['first', 'second', 'third'])
})

test('where there are no frames, a timer serves', () => {
  vi.stubGlobal('requestAnimationFrame', undefined)
  const told: string[] = []
  nextFrame(() => told.push('told'))
  vi.advanceTimersByTime(100)
  expect(told).toEqual(['told'])
})
