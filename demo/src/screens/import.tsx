/** The import in full: its settings, what was declined and why, and the lines that were no orders. */
import { useState } from 'react'
import { count, formatNumber, formatOrderId } from '../format.ts'
import { useQuery } from '../hooks.ts'
import { listedAtMost, usualStock, type ImportJob } from '../import/import-job.ts'
import { useImportJob, useImportSettings } from '../import/use-importer.ts'
import { ImportPanel } from '../parts/import-panel.tsx'
import { MissingCodes } from '../parts/missing-codes.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'
import { More, Table } from '../parts/table.tsx'
import { href } from '../router.ts'

const pageSize = 25

export function ImportScreen() {
  const job = useImportJob()
  return (
    <Page title="Import" lead="The same file again changes nothing: an order is known by what it says.">
      <Card title="Orders from a file">
        <ImportPanel />
        <Advanced />
      </Card>
      {job === undefined ? (
        <Card title="Declined and malformed">
          <Empty title="No import yet.">Orders that could not be fulfilled and lines that could not be read are listed here.</Empty>
        </Card>
      ) : (
        <>
          <Declined orders={job.progress.declinedOrders} total={job.progress.declined} />
          <Malformed job={job} />
        </>
      )}
    </Page>
  )
}

function Advanced() {
  const { stock, setStock } = useImportSettings()
  const { openingStock, reorderPoint } = stock ?? usualStock
  const change = (part: Partial<typeof usualStock>): void => setStock({ openingStock, reorderPoint, ...part })
  const whole = (text: string): number => Math.max(0, Math.floor(Number(text)) || 0)
  return (
    <details className="advanced">
      <summary>Advanced</summary>
      <p className="note">A code seen for the first time is registered with this. Codes in the book already stay as they are.</p>
      <div className="fields">
        <label>
          Opening stock
          <input
            type="number"
            inputMode="numeric"
            min={0}
            step={1}
            value={openingStock}
            onChange={(event) => change({ openingStock: whole(event.target.value) })}
          />
        </label>
        <label>
          Reorder point
          <input
            type="number"
            inputMode="numeric"
            min={0}
            step={1}
            value={reorderPoint}
            onChange={(event) => change({ reorderPoint: whole(event.target.value) })}
          />
        </label>
      </div>
      {stock && (
        <button type="button" className="quiet" onClick={() => setStock(undefined)}>
          Back to the usual
        </button>
      )}
    </details>
  )
}

function Declined({ orders, total }: { readonly orders: ImportJob['progress']['declinedOrders']; readonly total: number }) {
  const [limit, setLimit] = useState(pageSize)
  const shown = orders.slice(0, limit)
  const { data: rows } = useQuery((read) => read.orderList.where({ orderId: { anyOf: shown.map((order) => order.orderId) } }))
  const known = new Map(rows?.map((row) => [row.orderId, row]))
  return (
    <Card
      title="Declined orders"
      note={total > 0 ? `${count(total, 'order')} could not be fulfilled; nothing of them was picked.` : undefined}
    >
      {total === 0 ? (
        <Empty title="No order was declined." />
      ) : (
        <>
          <Table
            caption="Declined orders of this import"
            rows={shown}
            rowKey={(order) => order.line}
            columns={[
              {
                key: 'orderId',
                label: 'Order',
                main: true,
                cell: ({ orderId }) => (
                  <a href={href(['orders'], { order: orderId })} className="number">
                    {formatOrderId(orderId)}
                  </a>
                ),
              },
              { key: 'line', label: 'Line', align: 'end', cell: ({ line }) => formatNumber(line) },
              { key: 'units', label: 'Units', align: 'end', cell: ({ orderId }) => known.get(orderId)?.units ?? '…' },
              {
                key: 'missing',
                label: 'Not enough of',
                bare: 'line',
                cell: ({ orderId }) => <MissingCodes codes={known.get(orderId)?.missing ?? []} />,
              },
            ]}
          />
          <More
            shown={shown.length}
            total={orders.length}
            what={total > orders.length ? `listed here (of ${formatNumber(total)})` : 'declined orders'}
            onMore={() => setLimit(limit * 2)}
          />
        </>
      )}
    </Card>
  )
}

function Malformed({ job }: { readonly job: ImportJob }) {
  const [limit, setLimit] = useState(pageSize)
  const { malformed, malformedLines } = job.progress
  return (
    <Card title="Malformed lines" note={malformed > 0 ? `${count(malformed, 'line')} skipped. Everything else was imported.` : undefined}>
      {malformed === 0 ? (
        <Empty title="Every line was an order." />
      ) : (
        <>
          <Table
            caption="Malformed lines of this import"
            rows={malformedLines.slice(0, limit)}
            rowKey={(line) => line.line}
            columns={[
              { key: 'line', label: 'Line', main: true, cell: ({ line }) => `Line ${formatNumber(line)}` },
              { key: 'problem', label: 'Problem', bare: 'line', cell: ({ problem }) => problem },
              { key: 'text', label: 'Text', bare: 'line', cell: ({ text }) => <code className="raw">{text}</code> },
            ]}
          />
          <More
            shown={Math.min(limit, malformedLines.length)}
            total={malformedLines.length}
            what={malformed > listedAtMost ? `listed here (of ${formatNumber(malformed)})` : 'malformed lines'}
            onMore={() => setLimit(limit * 2)}
          />
        </>
      )}
    </Card>
  )
}
