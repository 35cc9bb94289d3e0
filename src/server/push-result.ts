/** What a push is, and what comes of it. */
import type { ProcessedAt } from './processed.ts'
import type { Root } from './root.ts'
import { SyncFault } from './sync-fault.ts'

/** Who pushes. */
export interface Pusher {
  readonly clientId: string
  readonly principal: string
  /** Commands that it has besides those of this push. */
  readonly waiting: number
  readonly receivedAt: number
}

/** A processed root, and where in the log. */
export interface Processed extends ProcessedAt {
  readonly root: Root
}

export interface PushResult {
  readonly processed: readonly Processed[]
  /** The first one that this build cannot process. */
  readonly held: { readonly sequence: number; readonly type: string } | null
}

export const notYours = (): SyncFault => new SyncFault('forbidden', 'This client id is another principal’s. Connect under a new one.')

export const fork = ({ sequence }: Root, commandId: string | undefined): SyncFault =>
  new SyncFault('fork', `Sequence ${sequence} of this client was another Command. Connect again, under a new client id.`, {
    sequence,
    ...(commandId === undefined ? {} : { commandId }),
  })

export const gap = ({ sequence }: Root, expected: number): SyncFault =>
  new SyncFault('gap', `Sequence ${sequence} came, ${expected} is next.`, { sequence, expected })
