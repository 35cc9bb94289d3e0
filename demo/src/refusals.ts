/** What the domain says no to, in words for the person who asked. */
import { count } from './format.ts'

interface Refused {
  readonly refusal: string
  readonly details: unknown
}

const texts: Readonly<Record<string, (details: Readonly<Record<string, unknown>>) => string>> = {
  outOfStock: ({ onHand }) => (onHand === 0 ? 'There is none left.' : `There are only ${count(Number(onHand), 'unit')} left.`),
  unknownItem: () => 'This code is not in the book. Register it first.',
  invalidCode: () => 'A code needs at least one letter or digit, no comma, and no space at either end.',
  notOpen: () => 'This Purchase Order is no longer open.',
  wrongItem: ({ ordered }) => `This Purchase Order is for ${String(ordered)}.`,
  alreadyPlaced: () => 'This order is in the book already.',
  versionConflict: () => 'This code is in the book already.',
  expired: () => 'It took too long and no longer holds. Try again.',
  invariantViolated: () => 'That would leave the book in a state that cannot be.',
}

export const refusalText = ({ refusal, details }: Refused): string =>
  texts[refusal]?.((details ?? {}) as Readonly<Record<string, unknown>>) ?? `Refused: ${refusal}.`
