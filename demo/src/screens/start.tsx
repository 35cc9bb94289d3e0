/** The start page: the warehouse in figures, what was done when, what runs short, and the import. */
import { useState } from 'react'
import { formatDay, formatNumber } from '../format.ts'
import { useQuery } from '../hooks.ts'
import { ActivityChart } from '../parts/activity-chart.tsx'
import { Choice } from '../parts/choice.tsx'
import { ImportPanel } from '../parts/import-panel.tsx'
import { LevelBar } from '../parts/level.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Empty, Problem, Shown } from '../parts/states.tsx'
import { href, type QueryValues } from '../router.ts'

const totals = [
  { key: 'ordersPlaced', label: 'Orders placed', testId: 'orders-placed', path: ['orders'], query: { status: 'placed' } },
  { key: 'ordersDeclined', label: 'Orders declined', testId: 'orders-refused', path: ['orders'], query: { status: 'declined' } },
  { key: 'unitsPicked', label: 'Units picked', testId: 'units-picked', path: ['log'], query: {} },
  { key: 'stockItems', label: 'Stock Items', testId: 'stock-items', path: ['stock'], query: {} },
  { key: 'openPurchaseOrders', label: 'Open Purchase Orders', testId: 'open-purchase-orders', path: ['purchases'], query: {} },
  { key: 'unitsOnHand', label: 'Units on hand', testId: 'units-on-hand', path: ['stock'], query: { sort: 'least' } },
] as const satisfies readonly { key: string; label: string; testId: string; path: readonly string[]; query: QueryValues }[]

export function StartScreen() {
  const [range, setRange] = useState<'today' | 'fortnight'>('today')
  const figures = useQuery((read) => read.figures.get('warehouse'))
  const isNew = !figures.loading && figures.error === undefined && figures.data === undefined
  return (
    <Page title="Start" heading="The book today" lead={formatDay(Date.now())}>
      {figures.error !== undefined && <Problem title="The figures cannot be read." error={figures.error} />}
      <dl className="figures" aria-busy={figures.loading}>
        {totals.map(({ key, label, testId, path, query }) => {
          const value = figures.data?.[key] ?? 0
          return (
            <div key={key} className={`figure ${figures.loading ? 'pending' : ''}`}>
              <dt>
                <a href={href(path, query)}>{label}</a>
              </dt>
              <dd data-testid={testId} data-value={figures.loading ? undefined : value}>
                {figures.loading ? '–' : formatNumber(value)}
              </dd>
            </div>
          )
        })}
      </dl>
      {figures.stale && !figures.loading && <p className="stale">The figures are still being brought up to date.</p>}
      <div className="columns">
        <Card
          title="Import orders"
          {...(isNew ? { note: 'The book is empty. Bring in a file of orders, or look around with made-up ones.' } : {})}
        >
          <ImportPanel />
        </Card>
        <Shortages />
      </div>
      <Card
        title="Orders over time"
        aside={
          <Choice
            label="Which days"
            value={range}
            onChange={setRange}
            options={[
              { value: 'today', label: 'Today' },
              { value: 'fortnight', label: '14 days' },
            ]}
          />
        }
      >
        <ActivityChart range={range} />
      </Card>
    </Page>
  )
}

function Shortages() {
  const short = useQuery((read) => read.shortages({ limit: 6 }))
  return (
    <Card title="Running short" aside={<a href={href(['stock'], { level: 'low' })}>All</a>}>
      <Shown
        of={short}
        what="shortages"
        isEmpty={(items) => items.length === 0}
        empty={<Empty title="Nothing runs short.">Items below their reorder point are listed here, the emptiest first.</Empty>}
      >
        {(items) => (
          <ul className="short">
            {items.map(({ sku, name, onHand, reorderPoint, onOrder }) => (
              <li key={sku}>
                <span className="short-name">
                  <a href={href(['stock', sku])}>{name}</a>
                  {onOrder && <span className="badge ordered">On order</span>}
                </span>
                <LevelBar onHand={onHand} reorderPoint={reorderPoint} />
              </li>
            ))}
          </ul>
        )}
      </Shown>
    </Card>
  )
}
