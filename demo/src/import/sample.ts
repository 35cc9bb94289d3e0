/** Sample orders, made up by a seeded generator: the same seed, the same orders, on any machine. */

/** Mulberry32: small, and good enough for made-up orders. */
function randomBy(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const articles = ['TEAPOT', 'MUG', 'BOWL', 'PLATE', 'JUG', 'VASE', 'TRAY', 'CANDLE', 'LANTERN', 'APRON', 'CUSHION', 'CLOCK']
const colours = ['SAGE', 'RUST', 'OCHRE', 'NAVY', 'CHALK', 'PLUM', 'MOSS', 'CLAY', 'SLATE', 'ROSE']
const catalogue = articles.flatMap((article) => colours.map((colour) => `${article}-${colour}`))

export interface SampleOptions {
  /** How many orders; 400 where not given. */
  readonly orders?: number
  readonly seed?: number
}

/** Lines of an order file: popular codes and rare ones, small orders and large ones, some codes twice, some orders again. */
export function sampleOrders({ orders = 400, seed = 7 }: SampleOptions = {}): string[] {
  const random = randomBy(seed)
  const shelf = [...catalogue]
  for (let i = shelf.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[shelf[i], shelf[j]] = [shelf[j] as string, shelf[i] as string]
  }
  const lines: string[] = []
  while (lines.length < orders) {
    const again = lines.length > 20 && random() < 0.06
    if (again) {
      lines.push(lines[Math.floor(random() * lines.length)] as string)
      continue
    }
    // Powers lean to the small: most orders are short, and the first codes of the shelf are the popular ones.
    const size = 1 + Math.floor(random() ** 2 * 18)
    const codes = Array.from({ length: size }, () => shelf[Math.floor(random() ** 1.4 * shelf.length)] as string)
    lines.push(codes.join(','))
  }
  return lines
}

/** The sample as a file, to go the way that every file goes. */
export const sampleFile = (options?: SampleOptions): File =>
  new File([`${sampleOrders(options).join('\n')}\n`], 'sample-orders.csv', { type: 'text/csv' })

/** Little enough that a few of the sample's orders cannot be fulfilled. */
export const sampleStock = { openingStock: 50, reorderPoint: 20 } as const
