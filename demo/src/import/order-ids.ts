/** Ids that follow from what an order says, so that the same file again asks for nothing new. */

// Crockford's: no I, L, O, U, so that an id can be read out over the telephone.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 80 bits of SHA-256 as 16 letters: among a million orders two alike are one in 10^12. */
async function contentId(content: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(content)))
  let id = ''
  for (let bit = 0; bit < 80; bit += 5) {
    const pair = ((hash[bit >> 3] as number) << 8) | (hash[(bit >> 3) + 1] as number)
    id += alphabet[(pair >> (11 - (bit & 7))) & 31]
  }
  return id
}

/**
 * Gives each order of one file its id: from its content, and which occurrence of that content in the file it is.
 * Ask in the order of the file.
 *
 * @param batch a name: orders of another batch are other orders, also where they say the same
 */
export function orderIds(batch = ''): (contents: readonly string[]) => Promise<string[]> {
  const seen = new Map<string, number>()
  return async (contents) => {
    const ids = await Promise.all(contents.map((content) => contentId(batch === '' ? content : `${batch}\n${content}`)))
    return ids.map((id) => {
      const occurrence = (seen.get(id) ?? 0) + 1
      seen.set(id, occurrence)
      return occurrence === 1 ? id : `${id}-${occurrence}`
    })
  }
}

export const placeCommandId = (orderId: string): string => `place:${orderId}`
export const registerCommandId = (sku: string): string => `register:${sku}`
