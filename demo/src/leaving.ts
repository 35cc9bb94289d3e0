/** What signing out and deleting cost, said before they are done. */
import { count } from './format.ts'

/** `keep`: signing out. `delete`: the data go, with signing out or without. */
export type Leaving = 'keep' | 'delete'

/**
 * @param pending Commands that are on this device only
 * @returns what is said first; `bad` where something would be lost that nobody else has
 */
export function lossOf(leaving: Leaving, pending: number): { readonly bad: boolean; readonly text: string } {
  const unsent = `${count(pending, 'change has', 'changes have')} not reached the server yet`
  if (leaving === 'keep') {
    return {
      bad: false,
      text:
        pending === 0
          ? 'Your book stays on this device: it is there again when you sign in under this name.'
          : `${unsent}. Your book stays on this device, and they are sent when you sign in here again; until then nobody else sees them.`,
    }
  }
  return {
    bad: pending > 0,
    text:
      pending === 0
        ? 'All your Stock Items, orders and their history in this book are deleted from this browser, in all tabs. It cannot be undone; an export can be restored.'
        : `${unsent}: nobody else has them, and they are lost for good. All your Stock Items, orders and their history in this book are deleted from this browser, in all tabs.`,
  }
}
