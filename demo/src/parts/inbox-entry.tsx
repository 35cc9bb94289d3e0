/** One Command that came back otherwise than it was told, and what one can do about it. */
import { useState } from 'react'
import { askedText, cameToText, quantityIn, withQuantity, type Asked, type CameTo } from '../asked.ts'
import { formatInstant } from '../format.ts'
import { refusalText } from '../refusals.ts'
import { QuantityForm } from './quantity-form.tsx'

/** As `app.inbox` has it. */
export interface InboxItem extends Asked {
  readonly commandId: string
  readonly verdict: 'changed' | 'refused'
  readonly actor: string
  readonly givenAt: number
  readonly returnedAt: number
  readonly told: CameTo
  readonly now: CameTo
  readonly because: readonly string[]
}

export interface InboxEntryProps {
  readonly item: InboxItem
  /** Those among `because` that are in the inbox still. */
  readonly fellWith: readonly InboxItem[]
  readonly busy: boolean
  readonly onRetry: () => void
  readonly onResend: (payload: unknown) => void
  readonly onDiscard: () => void
}

const verdicts = { changed: 'Came out otherwise', refused: 'Refused' } as const

export function InboxEntry({ item, fellWith, busy, onRetry, onResend, onDiscard }: InboxEntryProps) {
  const [editing, setEditing] = useState(false)
  const { verdict, actor, givenAt, returnedAt, told, now, because } = item
  const asked = askedText(item)
  const quantity = quantityIn(item)
  const gone = because.length - fellWith.length
  return (
    <li className="inbox-entry" data-command={item.commandId}>
      <header className="inbox-head">
        <h3>{asked}</h3>
        <span className={`badge ${verdict === 'refused' ? 'declined' : 'low'}`}>{verdicts[verdict]}</span>
      </header>
      <dl className="facts">
        <dt>Told then</dt>
        <dd>{cameToText(told)}</dd>
        <dt>True now</dt>
        <dd>{now.ok ? cameToText(now) : 'It did not happen.'}</dd>
        {!now.ok && (
          <>
            <dt>Reason</dt>
            <dd className="bad">{refusalText({ refusal: now.refusal ?? '', details: now.details })}</dd>
          </>
        )}
        {because.length > 0 && (
          <>
            <dt>Fell with</dt>
            <dd>
              {fellWith.map(askedText).join('; ')}
              {gone > 0 && `${fellWith.length > 0 ? '; ' : ''}${gone === 1 ? 'one' : gone} that you have dealt with`}
            </dd>
          </>
        )}
        <dt>Asked</dt>
        <dd>
          {formatInstant(givenAt)}
          {actor !== '' && ` by ${actor}`}
          <span className="faint">, back {formatInstant(returnedAt)}</span>
        </dd>
      </dl>
      <div className="row-actions">
        <button type="button" disabled={busy} onClick={onRetry}>
          Try again<span className="hidden"> {asked}</span>
        </button>
        {quantity && (
          <button type="button" disabled={busy} aria-expanded={editing} onClick={() => setEditing(!editing)}>
            Change<span className="hidden"> {asked}</span>
          </button>
        )}
        <button type="button" className="quiet" disabled={busy} onClick={onDiscard}>
          Discard<span className="hidden"> {asked}</span>
        </button>
      </div>
      {editing && quantity && (
        <QuantityForm
          label="Units instead"
          action="Send"
          primary
          min={quantity.field === 'onHand' ? 0 : 1}
          initial={quantity.value}
          pending={busy}
          onSubmit={(value) => onResend(withQuantity(item, quantity.field, value))}
        />
      )}
    </li>
  )
}
