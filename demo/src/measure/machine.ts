/** On what it was measured, as far as the browser tells. */
export interface Machine {
  readonly browser: string
  /** Of the processor, as many as the browser admits. */
  readonly cores: number
  /** How finely the page's clock ticks; browsers make it coarse on purpose. */
  readonly tickMs: number
}

// The most particular first: most of them say that they are Chrome and Safari as well.
const browsers: readonly (readonly [name: string, version: RegExp])[] = [
  ['Edge', /Edg(?:A|iOS)?\/(\d+)/],
  ['Opera', /OPR\/(\d+)/],
  ['Samsung Internet', /SamsungBrowser\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:Headless)?(?:Chrome|CriOS)\/(\d+)/],
  ['Safari', /Version\/([\d.]+).* Safari/],
]
const systems: readonly (readonly [name: string, sign: RegExp])[] = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['ChromeOS', /CrOS/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
]

/** @param userAgent what the browser calls itself */
export function browserOf(userAgent: string): string {
  const system = systems.find(([, sign]) => sign.test(userAgent))?.[0]
  for (const [name, pattern] of browsers) {
    const version = pattern.exec(userAgent)?.[1]
    if (version !== undefined) return `${name} ${version}${system === undefined ? '' : ` on ${system}`}`
  }
  return userAgent
}

function tick(): number {
  let least = Infinity
  for (let n = 0; n < 5; n++) {
    const from = performance.now()
    let now = from
    while (now === from) now = performance.now()
    least = Math.min(least, now - from)
  }
  return least
}

export const thisMachine = (): Machine => ({
  browser: browserOf(navigator.userAgent),
  cores: navigator.hardwareConcurrency,
  tickMs: tick(),
})
