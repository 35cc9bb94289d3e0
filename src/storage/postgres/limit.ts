/** A limit as LIMIT takes it: a whole number, or null for none. */
export const limitOf = (limit: number): number | null => (limit > Number.MAX_SAFE_INTEGER ? null : Math.ceil(limit))
