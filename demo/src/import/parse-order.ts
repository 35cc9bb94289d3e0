/** What one line of an order file says. */
import type { OrderLine } from '../domain/order.ts'

export type ParsedOrder =
  | { readonly kind: 'order'; readonly content: string; readonly lines: readonly OrderLine[] }
  | { readonly kind: 'empty' }
  | { readonly kind: 'malformed'; readonly problem: string }

/**
 * Comma-separated stock codes, one unit each; a repeated code is more units. Codes are trimmed and compared exactly.
 *
 * @returns `content`, the line as it counts: two lines of the same content ask for the same
 */
export function parseOrder(text: string): ParsedOrder {
  if (text.trim() === '') return { kind: 'empty' }
  // Two codes that differ only in bytes that are no UTF-8 would look the same, and stock would be booked wrongly.
  if (text.includes('\ufffd')) return { kind: 'malformed', problem: 'It holds characters that are not UTF-8. Save the file as UTF-8.' }
  const codes = text.split(',').map((code) => code.trim())
  const gap = codes.indexOf('')
  if (gap >= 0) return { kind: 'malformed', problem: `Code ${gap + 1} of ${codes.length} is empty.` }
  const units = new Map<string, number>()
  for (const code of codes) units.set(code, (units.get(code) ?? 0) + 1)
  return { kind: 'order', content: codes.join(','), lines: Array.from(units, ([sku, quantity]) => ({ sku, quantity })) }
}
