/** Purchase Orders: the open ones to be received or cancelled, and the closed ones. */
import { useState } from 'react'
import { formatInstant, formatNumber } from '../format.ts'
import { useCommand, useQuery } from '../hooks.ts'
import { Choice } from '../parts/choice.tsx'
import { CommandNote } from '../parts/command-note.tsx'
import { Page } from '../parts/page.tsx'
import { Empty, Shown } from '../parts/states.tsx'
import { More, Table } from '../parts/table.tsx'
import { href, setQuery, useRoute } from '../router.ts'

const statuses = { open: 'Open', received: 'Received', cancelled: 'Cancelled' } as const
const pageSize = 50

export function PurchasesScreen() {
  const { query } = useRoute()
  const asked = query.get('status')
  const status = asked === 'received' || asked === 'cancelled' ? asked : 'open'
  const [limit, setLimit] = useState(pageSize)
  const rows = useQuery((read) => read.purchaseOrderList.where({ status }).orderBy('position', 'descending').limit(limit))
  const total = useQuery((read) => read.purchaseOrderList.where({ status }).count())
  const [receive, receiving] = useCommand((commands) => commands.purchasing.receive)
  const [cancel, cancelling] = useCommand((commands) => commands.purchaseOrder.cancel)
  const [last, setLast] = useState<{ readonly what: 'receive' | 'cancel'; readonly sku: string; readonly quantity: number }>()
  return (
    <Page title="Purchase Orders" lead="Opened by themselves when an item falls below its reorder point.">
      <div className="filters">
        <Choice
          label="Which Purchase Orders"
          value={status}
          onChange={(value) => {
            setLimit(pageSize)
            setQuery({ status: value === 'open' ? undefined : value })
          }}
          options={[
            { value: 'open', label: 'Open' },
            { value: 'received', label: 'Received' },
            { value: 'cancelled', label: 'Cancelled' },
          ]}
        />
        {last?.what === 'receive' && <CommandNote of={receiving} done={`${formatNumber(last.quantity)} × ${last.sku} booked in.`} />}
        {last?.what === 'cancel' && <CommandNote of={cancelling} done={`The Purchase Order for ${last.sku} is cancelled.`} />}
      </div>
      <Shown
        of={rows}
        what="Purchase Orders"
        isEmpty={(orders) => orders.length === 0}
        empty={
          status === 'open' ? (
            <Empty title="Nothing is on order.">
              See <a href={href(['stock'], { level: 'low' })}>what runs short</a>.
            </Empty>
          ) : (
            <Empty title={`No Purchase Order was ${status}.`} />
          )
        }
      >
        {(orders) => (
          <>
            <Table
              caption={`${statuses[status]} Purchase Orders, the newest first`}
              rows={orders}
              rowKey={(order) => order.purchaseOrderId}
              columns={[
                { key: 'sku', label: 'Item', main: true, cell: (order) => <a href={href(['stock', order.sku])}>{order.sku}</a> },
                { key: 'quantity', label: 'Units', align: 'end', cell: (order) => formatNumber(order.quantity) },
                { key: 'openedAt', label: 'Opened', cell: (order) => formatInstant(order.openedAt) },
                status === 'open'
                  ? {
                      key: 'do',
                      label: 'Actions',
                      bare: 'line',
                      cell: ({ purchaseOrderId, sku, quantity }) => (
                        <span className="row-actions">
                          <button
                            type="button"
                            className="primary"
                            disabled={receiving.pending}
                            onClick={() => {
                              setLast({ what: 'receive', sku, quantity })
                              void receive({ purchaseOrderId, sku, quantity })
                            }}
                          >
                            Receive<span className="hidden"> {sku}</span>
                          </button>
                          <button
                            type="button"
                            className="quiet"
                            disabled={cancelling.pending}
                            onClick={() => {
                              setLast({ what: 'cancel', sku, quantity })
                              void cancel(purchaseOrderId, {})
                            }}
                          >
                            Cancel<span className="hidden"> the Purchase Order for {sku}</span>
                          </button>
                        </span>
                      ),
                    }
                  : { key: 'closedAt', label: statuses[status], cell: (order) => formatInstant(order.closedAt) },
              ]}
            />
            <More shown={orders.length} total={total.data} what="Purchase Orders" onMore={() => setLimit(limit * 2)} />
          </>
        )}
      </Shown>
    </Page>
  )
}
