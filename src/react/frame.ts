/** Renders come with display frames: what changes in between is told once, just before the next one is drawn. */

const waiting = new Set<() => void>()

/** Calls it with the next frame; once, however often it is asked for until then. */
export function nextFrame(run: () => void): void {
  const first = waiting.size === 0
  waiting.add(run)
  if (!first) return
  // A hidden page draws no frames; there, timers at least go on.
  if (typeof requestAnimationFrame === 'function' && document.visibilityState === 'visible') requestAnimationFrame(flush)
  else setTimeout(flush, 16)
}

function flush(): void {
  const runs = [...waiting]
  waiting.clear()
  for (const run of runs) run()
}
