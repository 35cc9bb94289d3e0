/** What the server says of itself: one entry a request, and one for whatever a developer must look at. Plain data. */

export interface RequestEntry {
  readonly level: 'info' | 'error'
  readonly event: 'request'
  /** ISO 8601. */
  readonly at: string
  readonly method: string
  /** `connect`, `push`, `pull`, `changes`; absent where the path is none of them. */
  readonly route?: string
  readonly space?: string
  readonly principal?: string
  readonly clientId?: string
  readonly status: number
  /** Of the protocol, where it was not answered with 2xx. */
  readonly code?: string
  readonly durationMs: number
  /** Commands pushed, or records pulled. */
  readonly count?: number
  /** What went wrong inside; never part of the answer. */
  readonly fault?: string
}

export interface FaultEntry {
  readonly level: 'error'
  /** A handler of the domain that threw, a space that could not be opened or closed. */
  readonly event: 'command-fault' | 'space-fault'
  readonly at: string
  readonly space: string
  readonly commandId?: string
  readonly commandType?: string
  readonly fault: string
}

export interface NoticeEntry {
  readonly level: 'info'
  readonly event: 'started' | 'closed'
  readonly at: string
  readonly message: string
}

export type LogEntry = RequestEntry | FaultEntry | NoticeEntry
