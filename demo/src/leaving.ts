/** What signing out and deleting cost, said before they are done. */
import { count } from './format.ts'

/** `keep`: signing out. `delete`: the data go, with signing out or without. */
export type Leaving = 'keep' | 'delete'

export interface Loss {
  /** Something would be lost that nobody else has, or may be. */
  readonly bad: boolean
  readonly text: string
}

/** @param pending Commands that are on this device only; undefined where that is not known, since the book has not been opened */
export function lossOf(leaving: Leaving, pending: number | undefined): Loss {
  const unsent = `${count(pending ?? 0, 'change has', 'changes have')} not reached the server yet`
  if (leaving === 'keep') {
    return {
      bad: false,
      text:
        pending === undefined
          ? 'Your copy of the book stays on this device; what in it has not been sent is sent when you sign in here again.'
          : pending === 0
            ? 'Your copy of the book stays on this device: it is there again when you sign in under this name.'
            : `${unsent}. Your copy of the book stays on this device, and they are sent when you sign in here again; until then nobody else sees them.`,
    }
  }
  const deleted = 'Your copy of this book is deleted from this browser, in all tabs'
  if (pending === undefined) {
    return { bad: true, text: `The book has not been opened yet. What in it has not reached the server is lost for good. ${deleted}.` }
  }
  return {
    bad: pending > 0,
    text:
      pending === 0
        ? `${deleted}. The server has all of it: it comes back when you open the book again.`
        : `${unsent}: nobody else has them, and they are lost for good. ${deleted}.`,
  }
}
