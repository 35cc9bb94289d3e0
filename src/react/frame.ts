/** Renders come with display frames: what changes in between is told once, just before the next one is drawn. */

// A page may draw no frames for long: hidden, behind another window, in a frame that is scrolled away. `visibilityState` does
// not tell all of it, and may change while one waits.
const longestMs = 100

const waiting = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined
let frame: number | undefined

/** Calls it with the next frame, or soon where none comes; once, however often it is asked for until then. */
export function nextFrame(run: () => void): void {
  const first = waiting.size === 0
  waiting.add(run)
  if (!first) return
  timer = setTimeout(flush, longestMs)
  frame = typeof requestAnimationFrame === 'function' ? requestAnimationFrame(flush) : undefined
}

function flush(): void {
  clearTimeout(timer)
  if (frame !== undefined) cancelAnimationFrame(frame)
  const runs = [...waiting]
  waiting.clear()
  for (const run of runs) run()
}
