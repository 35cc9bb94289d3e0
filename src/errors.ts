/**
 * The one error class of Outpost and the table of its codes.
 *
 * Faults are thrown, refusals are returned: whatever the domain itself says "no" to is an outcome
 * (`{ ok: false, refusal }`), never an error. Callers ask by code, because classes do not survive a thread:
 * `if (isOutpostError(error, 'storage-full')) …`.
 */

/** One line a code: when it is raised, and what to do next. This table is the documentation; README prints it. */
export const errorCodes = {
  'invalid-domain': 'A declaration is wrong (duplicate, gap, unknown name). Raised when the domain is built: correct the declaration.',
  'invalid-command':
    'The payload does not fit the schema of the Command (`details.issues` are those of zod), or an option makes no sense. Nothing was stored: correct it.',
  'unknown-command': 'The domain declares no such Command; `details.known` lists those it does.',
  'unknown-read-model': 'The domain declares no such Read Model; `details.known` lists those it does.',
  'unknown-query': 'The domain declares no such named query; `details.known` lists those it does.',
  'unknown-aggregate': 'The domain declares no such Aggregate; `details.known` lists those it does.',
  'unknown-handler': 'The domain declares no such Event Handler; `details.known` lists those it does.',
  'invalid-query': 'The query uses a field, index or value that the Read Model cannot answer: declare the index or use `filter`.',
  'decide-failed': 'A Command Handler threw. Nothing was stored and the queue went on: mend the handler, `cause` is what it threw.',
  'decide-timeout': 'A Command Handler did not return in time. Its worker was replaced and nothing was stored: mend the handler.',
  'evolve-failed': 'Folding an Event threw or gave a state that violates the schema. Nothing was stored: mend `evolve`.',
  'upcast-failed': 'An upcaster threw on a stored Event. Nothing was changed, and what rests on that Event waits: mend the upcaster.',
  'handler-failed': 'An Event Handler threw and is parked at that Event; the rest goes on. Mend it, or call `retry`.',
  'query-failed': 'A named query threw. Nothing was changed: mend the query, `cause` is what it threw.',
  'invalid-row': 'A handler of a Read Model made a row that violates its schema or cannot be indexed; `details.field` says which field.',
  'outdated': 'The log holds Events that this build does not know: a newer build wrote them. Load the newer app.',
  'aborted': 'The AbortSignal of the caller fired before the Command was in a commit. Nothing was stored by this call.',
  'timeout': 'No answer in time although the worker lives. The outcome is unknown: ask again with the same command id.',
  'worker-lost': 'The worker died and could not be replaced. The outcome is unknown: ask again with the same command id.',
  'worker-failed': 'The worker could not be started: check its URL, MIME type and Content-Security-Policy.',
  'protocol-mismatch': 'Page and worker come from different builds: reload the page.',
  'unsupported': 'The browser or origin lacks what Outpost needs; `details.missing` names it. Serve over HTTPS.',
  'storage-full': 'The browser refused the space. Nothing was written; reading goes on. Free space, then try again.',
  'storage-newer': 'The log was made by a newer build. Nothing was changed: load the newer app.',
  'storage-failed':
    'IndexedDB failed and reopening did not help; `cause` is its error. Reload; if it stays, export and restore. A Command may have been stored all the same: ask again with the same command id.',
  'log-not-empty': 'An import needs an empty log: `destroy()` this one, or connect with another space.',
  'importing': 'An import into this log is running. Nothing was stored: give the Command again when it has ended.',
  'invalid-import': 'The file is no Outpost export of this app, or it is damaged. Nothing was changed.',
  'closed': 'The app handle was closed or its data deleted: connect again.',
} as const

export type ErrorCode = keyof typeof errorCodes

export class OutpostError extends Error {
  override readonly name = 'OutpostError'
  readonly code: ErrorCode
  /** Plain data (structured-cloneable) about the failure: ids, names, zod issues. */
  readonly details: Readonly<Record<string, unknown>>

  /**
   * @param code one of {@link errorCodes}
   * @param message what failed, on which id, and the next step
   */
  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }
}

/** True for an {@link OutpostError}, of that code where one is given. Works by shape, so also across realms and bundles. */
export function isOutpostError(error: unknown, code?: ErrorCode): error is OutpostError {
  return error instanceof Error && error.name === 'OutpostError' && (code === undefined || (error as OutpostError).code === code)
}

/** @param what is stored in a way that this build does not know */
export const newerBuild = (what: string, details?: OutpostError['details']): OutpostError =>
  new OutpostError('storage-newer', `${what} is of a newer build. Nothing was changed. Load the newer app.`, details)

/** The text of anything thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
