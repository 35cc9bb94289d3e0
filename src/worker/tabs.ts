/**
 * The other tabs that have the same log open. Every tab writes for itself; what passes between them are hints, which may
 * be lost: who missed one catches up at the next, or when its page is shown again.
 */

/** What is heard of the others. */
export interface TabsListener {
  /** How many tabs have the log open, this one included. */
  counted(tabs: number): void
  /** Another tab's log reaches at least this record. */
  recorded(record: number): void
  /** Another tab deletes the log. */
  destroyed(): void
  /** The last record of this tab's log: told to one that has just opened. */
  record(): number
}

export interface Tabs {
  listen(listener: TabsListener): void
  /** Tells the others how far this tab's log reaches. */
  recorded(record: number): void
  /** Tells the others that the log goes. */
  destroyed(): void
  /** Asks the browser how many have the log open, as of now. */
  count(): Promise<number>
  /** The page was shown again: messages may have been missed. */
  resumed(): void
  close(): Promise<void>
}

/** For a log that nobody else can have open. */
export const soleTab: Tabs = {
  listen: ({ counted }) => counted(1),
  recorded: () => undefined,
  destroyed: () => undefined,
  count: async () => 1,
  resumed: () => undefined,
  close: async () => undefined,
}

type Hint =
  /** `lock`: held by the sender's worker as long as it lives. */
  | { readonly kind: 'opened' | 'here'; readonly lock: string; readonly record: number }
  | { readonly kind: 'recorded'; readonly record: number }
  | { readonly kind: 'closed' | 'destroyed' }

/**
 * Holds the shared lock `«log».open`, by which tabs are counted and a log is known to be in use.
 *
 * @param lock held by this worker as long as it lives
 */
export async function joinTabs(log: string, lock: string): Promise<Tabs> {
  const name = `${log}.open`
  const channel = new BroadcastChannel(log)
  const left = new AbortController()
  const known = new Set<string>()
  let listener: TabsListener | undefined
  /** Only ever too high: a tab announces itself, but may go without a word. */
  let others = 0
  const leave = await holdLock(name, { mode: 'shared' })

  const tell = (hint: Hint): void => channel.postMessage(hint)
  const count = async (): Promise<number> => {
    const { held = [] } = await navigator.locks.query()
    return held.filter((each) => each.name === name).length
  }
  const recount = async (): Promise<void> => {
    const tabs = await count()
    others = tabs - 1
    if (!left.signal.aborted) listener?.counted(tabs)
  }
  const meet = (other: string): void => {
    others = Math.max(others, 1)
    if (!known.has(other)) {
      known.add(other)
      // Granted when that worker is gone: a tab that crashed or was closed says nothing.
      navigator.locks
        .request(other, { mode: 'shared', signal: left.signal }, () => known.delete(other))
        .then(recount)
        .catch(() => undefined) // taken back by `close`
    }
    void recount()
  }
  channel.addEventListener('message', ({ data }: MessageEvent<Hint>) => {
    switch (data.kind) {
      case 'opened':
        tell({ kind: 'here', lock, record: listener?.record() ?? 0 })
        meet(data.lock)
        return listener?.recorded(data.record)
      case 'here':
        meet(data.lock)
        return listener?.recorded(data.record)
      case 'recorded':
        return listener?.recorded(data.record)
      case 'closed':
        return void recount()
      case 'destroyed':
        return listener?.destroyed()
    }
  })

  return {
    listen(given) {
      listener = given
      tell({ kind: 'opened', lock, record: given.record() })
      void recount()
    },
    recorded(record) {
      if (others > 0) tell({ kind: 'recorded', record })
    },
    destroyed: () => tell({ kind: 'destroyed' }),
    count,
    resumed: () => void recount(),
    async close() {
      if (left.signal.aborted) return
      left.abort()
      await leave()
      tell({ kind: 'closed' })
      channel.close()
    },
  }
}

/** @returns (once it is held) lets go of it, and resolves when it is free */
export function holdLock(name: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  return new Promise((granted, failed) => {
    const released: Promise<void> = navigator.locks.request(name, options, () => {
      return new Promise<void>((release) =>
        granted(() => {
          release()
          return released
        }),
      )
    })
    released.catch(failed)
  })
}
