/** Orders, placed and declined, the newest first; one can be looked into, and one can be placed by hand. */
import { useState } from 'react'
import { formatInstant, formatNumber, formatOrderId } from '../format.ts'
import { useQuery } from '../hooks.ts'
import { Choice } from '../parts/choice.tsx'
import { MissingCodes } from '../parts/missing-codes.tsx'
import { NewOrder } from '../parts/new-order.tsx'
import { OrderDetails } from '../parts/order-details.tsx'
import { Page } from '../parts/page.tsx'
import { Empty, Shown } from '../parts/states.tsx'
import { More, Table } from '../parts/table.tsx'
import { href, setQuery, useRoute } from '../router.ts'

const pageSize = 50

export function OrdersScreen() {
  const { query } = useRoute()
  const asked = query.get('status')
  const status = asked === 'placed' || asked === 'declined' ? asked : 'all'
  const opened = query.get('order')
  const [limit, setLimit] = useState(pageSize)
  const [adding, setAdding] = useState(false)
  const rows = useQuery((read) =>
    (status === 'all' ? read.orderList : read.orderList.where({ status })).orderBy('position', 'descending').limit(limit),
  )
  const { data: totals } = useQuery((read) => read.figures.get('warehouse'))
  const [placed, declined] = [totals?.ordersPlaced ?? 0, totals?.ordersDeclined ?? 0]
  return (
    <Page
      title="Orders"
      actions={
        <button type="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>
          New order
        </button>
      }
    >
      {adding && <NewOrder onClose={() => setAdding(false)} />}
      {opened !== null && <OrderDetails orderId={opened} onClose={() => setQuery({ order: undefined })} />}
      <div className="filters">
        <Choice
          label="Which orders"
          value={status}
          onChange={(value) => {
            setLimit(pageSize)
            setQuery({ status: value === 'all' ? undefined : value })
          }}
          options={[
            { value: 'all', label: 'All', count: placed + declined },
            { value: 'placed', label: 'Placed', count: placed },
            { value: 'declined', label: 'Declined', count: declined },
          ]}
        />
      </div>
      <Shown
        of={rows}
        what="orders"
        rows={8}
        isEmpty={(orders) => orders.length === 0}
        empty={
          status === 'all' ? (
            <Empty title="No orders yet.">
              Place one by hand, or <a href={href([])}>import a file of them</a>.
            </Empty>
          ) : (
            <Empty title={`No order was ${status}.`} />
          )
        }
      >
        {(orders) => (
          <>
            <Table
              caption="Orders, the newest first"
              rows={orders}
              rowKey={(order) => order.orderId}
              columns={[
                {
                  key: 'orderId',
                  label: 'Order',
                  main: true,
                  cell: (order) => (
                    <a href={href(['orders'], { status: asked ?? undefined, order: order.orderId })} className="number">
                      {formatOrderId(order.orderId)}
                    </a>
                  ),
                },
                {
                  key: 'status',
                  label: 'Status',
                  bare: 'corner',
                  cell: (order) => <span className={`badge ${order.status}`}>{order.status === 'placed' ? 'Placed' : 'Declined'}</span>,
                },
                { key: 'units', label: 'Units', align: 'end', cell: (order) => formatNumber(order.units) },
                { key: 'codes', label: 'Codes', align: 'end', cell: (order) => formatNumber(order.codes) },
                { key: 'at', label: 'When', cell: (order) => formatInstant(order.at) },
                {
                  key: 'missing',
                  label: 'Not enough of',
                  bare: 'line',
                  cell: (order) => order.missing.length > 0 && <MissingCodes codes={order.missing} />,
                },
              ]}
            />
            <More
              shown={orders.length}
              total={status === 'all' ? placed + declined : status === 'placed' ? placed : declined}
              what={status === 'all' ? 'orders' : `${status} orders`}
              onMore={() => setLimit(limit * 2)}
            />
          </>
        )}
      </Shown>
    </Page>
  )
}
