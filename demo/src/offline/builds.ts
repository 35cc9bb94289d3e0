/** What pages and service workers of different builds agree on. It must mean the same in all of them: change it with care. */

/** Caches of this app; each holds one build's files whole. */
export const cachePrefix = 'stockroom.build.'

/** Said to a service worker that waits: pages shall have its build from now on. */
export const startNow = 'start-now'

const lockPrefix = 'stockroom.page '

/** Held by an open page as long as it lives: the name tells which build it is of, by a script that only this build has. */
export const pageLock = (script: string): string => `${lockPrefix}${script}`

/** Scripts of the pages that are open. */
export const openScripts = (held: readonly { readonly name?: string | undefined }[]): string[] =>
  held.flatMap(({ name }) => (name?.startsWith(lockPrefix) === true ? [name.slice(lockPrefix.length)] : []))
