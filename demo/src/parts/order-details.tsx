/** One order with its lines, read from the Aggregate itself: the list need not carry them. */
import { useEffect, useState } from 'react'
import { count, formatNumber, formatOrderId } from '../format.ts'
import { useApp } from '../hooks.ts'
import { href } from '../router.ts'
import { Card } from './page.tsx'
import { Empty, Loading, Problem } from './states.tsx'

interface OrderState {
  readonly status: 'placed' | 'declined'
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly missing: readonly string[]
}

type Read = { readonly of: string; readonly state?: OrderState | undefined; readonly error?: unknown }

export function OrderDetails({ orderId, onClose }: { readonly orderId: string; readonly onClose: () => void }) {
  const app = useApp()
  const [read, setRead] = useState<Read>()
  useEffect(() => {
    let left = false
    app.aggregates.order.load(orderId).then(
      ({ state }) => {
        if (!left) setRead({ of: orderId, state })
      },
      (error: unknown) => {
        if (!left) setRead({ of: orderId, error })
      },
    )
    return () => {
      left = true
    }
  }, [app, orderId])
  const now = read?.of === orderId ? read : undefined
  const missing = new Set(now?.state?.missing)
  return (
    <Card
      title={`Order ${formatOrderId(orderId)}`}
      {...(now?.state
        ? {
            note:
              now.state.status === 'placed'
                ? `Placed: ${count(now.state.lines.length, 'code')} picked.`
                : `Declined: not enough of ${count(missing.size, 'code')}, so nothing was picked.`,
          }
        : {})}
      aside={
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
      }
    >
      {now === undefined ? (
        <Loading rows={2} label="Loading the order…" />
      ) : now.error !== undefined ? (
        <Problem title="This order cannot be read." error={now.error} />
      ) : now.state === undefined ? (
        <Empty title="There is no such order." />
      ) : (
        <ul className="lines">
          {now.state.lines.map(({ sku, quantity }) => (
            <li key={sku} className={missing.has(sku) ? 'missing' : ''}>
              <a href={href(['stock', sku])}>{sku}</a>
              <span className="number">{formatNumber(quantity)}</span>
              {missing.has(sku) && <span className="hidden">not enough</span>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
