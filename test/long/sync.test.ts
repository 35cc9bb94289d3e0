/** As test/properties/sync.test.ts, for longer, and with other seeds. */
import { expect, test } from 'vitest'
import { hallProperty, inOrder, wanted } from '../simulation/hall-property.ts'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 10_000)
const first = Number(process.env['PROPERTY_SEED'] ?? 100_000)

test(
  'ten thousand schedules: all devices come to the history of the server, and every Command ends once',
  { timeout: 10_800_000 },
  async () => {
    const seen = await hallProperty({ seeds: Array.from({ length: runs }, (_, i) => first + i) })
    console.log(`Seeds ${first} to ${first + runs - 1}:`, inOrder(seen))
    for (const what of wanted) expect(seen.get(what) ?? 0, what).toBeGreaterThan(0)
  },
)
