/**
 * A comma divides code and version because no code holds one: a code's movements are exactly the keys that begin with it
 * and a comma, in order. So the key serves the one query there is, and each movement is a single write without an index.
 */
export const ledgerKey = (sku: string, version: number): string => `${sku},${String(version).padStart(9, '0')}`

/** What all keys of a code's movements begin with. */
export const ledgerPrefix = (sku: string): string => `${sku},`
