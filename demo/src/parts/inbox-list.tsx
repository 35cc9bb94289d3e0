/** The inbox: Commands that the server did not take as they were told here, the newest first. */
import { useState, type ReactNode } from 'react'
import { askedText } from '../asked.ts'
import { useApp, useQuery } from '../hooks.ts'
import { refusalText } from '../refusals.ts'
import { InboxEntry, type InboxItem } from './inbox-entry.tsx'
import { Shown } from './states.tsx'
import { More } from './table.tsx'
import { TaskNote, useTask } from './task.tsx'

const pageSize = 20

interface Answer {
  readonly ok: boolean
  readonly refusal?: string
  readonly details?: unknown
}

export function InboxList({ empty }: { readonly empty: ReactNode }) {
  const { inbox } = useApp()
  const [limit, setLimit] = useState(pageSize)
  const rows = useQuery(inbox.orderBy('position', 'descending').limit(limit))
  const total = useQuery(inbox.count())
  const task = useTask()

  const give = (item: InboxItem, what: () => Promise<Answer | undefined>): void =>
    task.run(async () => {
      const answer = await what()
      if (answer === undefined) return 'Another tab has dealt with it.'
      // Refused here and now: it stays in the inbox.
      if (!answer.ok) throw new Error(refusalText({ refusal: answer.refusal ?? '', details: answer.details }))
      return `Asked again: ${askedText(item)}.`
    })
  const discard = (item: InboxItem): void =>
    task.run(async () => ((await inbox.discard(item.commandId)) ? `Discarded: ${askedText(item)}.` : 'Another tab has dealt with it.'))

  return (
    <div className="inbox">
      <TaskNote of={task} />
      <Shown of={rows} what="inbox" rows={2} isEmpty={(items) => items.length === 0} empty={empty}>
        {(items) => (
          <>
            <ul className="inbox-list">
              {items.map((item) => (
                <InboxEntry
                  key={item.commandId}
                  item={item}
                  fellWith={items.filter(({ commandId }) => item.because.includes(commandId))}
                  busy={task.busy}
                  onRetry={() => give(item, () => inbox.retry(item.commandId))}
                  onResend={(payload) => give(item, () => inbox.resend(item.commandId, payload))}
                  onDiscard={() => discard(item)}
                />
              ))}
            </ul>
            {(total.data ?? 0) > pageSize && (
              <More shown={items.length} total={total.data} what="in the inbox" onMore={() => setLimit(limit * 2)} />
            )}
          </>
        )}
      </Shown>
    </div>
  )
}

/** How many are in it, for where it is gone to. */
export function InboxCount() {
  const { inbox } = useApp()
  const { data = 0 } = useQuery(inbox.count())
  return data > 0 ? (
    <span className="inbox-count number" data-testid="inbox-count" data-value={data}>
      {data > 99 ? '99+' : data}
      <span className="hidden"> to be looked at</span>
    </span>
  ) : undefined
}
