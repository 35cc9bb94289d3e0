/** Work on the same few items, so that those who do it at once get into each other's way. */
import { createRandom, type Random } from '../support/random.ts'
import { type Answer, type Control, type Given, isFault } from './control.ts'

/** An outcome that the page was given, with its Command. */
export interface Acknowledged {
  readonly kind: 'acknowledged'
  readonly command: Given
  readonly outcome: Exclude<Answer, { fault: string }>
}

/**
 * Gives so many Commands on these items, several at a time.
 *
 * @param run makes ids that no other run uses
 * @throws where a Command ends in a fault
 */
export async function contend(
  { give, batch }: Pick<Control, 'give' | 'batch'>,
  seed: number,
  run: string,
  items: readonly string[],
  commands: number,
): Promise<readonly Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  let left = commands
  const lane = async (random: Random, name: string): Promise<void> => {
    for (let n = 0; left > 0; n++) {
      const given = Array.from({ length: Math.min(left, random.chance(0.1) ? random.int(2, 20) : 1) }, (_, i) =>
        contended(random, items, `${name}-${n}-${i}`),
      )
      left -= given.length
      const answers = given.length > 1 ? await batch(given) : [await give(given[0] as Given)]
      answers.forEach((outcome, i) => {
        if (isFault(outcome)) throw new Error(`${outcome.fault}: ${outcome.message}`)
        acknowledged.push({ kind: 'acknowledged', command: given[i] as Given, outcome })
      })
    }
  }
  await Promise.all([0, 1, 2, 3].map((i) => lane(createRandom(seed * 31 + i), `${run}-${i}`)))
  return acknowledged
}

function contended(random: Random, items: readonly string[], id: string): Given {
  const kind = random.int(1, 10)
  const aggregateId = random.pick(items)
  if (kind <= 5) return { type: 'stockItem.pick', aggregateId, payload: { quantity: random.int(1, 4) }, commandId: id }
  if (kind <= 8) return { type: 'stockItem.receive', aggregateId, payload: { quantity: random.int(1, 4) }, commandId: id }
  const lines = Object.fromEntries(Array.from({ length: 3 }, () => [random.pick(items), random.int(1, 2)]))
  return { type: 'fulfilment.placeOrder', payload: { orderId: `order-${id}`, lines }, commandId: id }
}
