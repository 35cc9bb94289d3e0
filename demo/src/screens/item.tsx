/** One Stock Item: what is on hand, what can be done with it, what it was at any earlier moment, and its movements. */
import { isPending } from 'outpost/client'
import { useState } from 'react'
import { ledgerPrefix } from '../domain/ledger-key.ts'
import { formatNumber } from '../format.ts'
import { useQuery } from '../hooks.ts'
import { Earlier } from '../parts/earlier.tsx'
import { ItemActions } from '../parts/item-actions.tsx'
import { LevelBadge } from '../parts/level.tsx'
import { balances, Movements } from '../parts/movements.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Empty, Loading, Problem, Shown } from '../parts/states.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { href } from '../router.ts'

// Enough for the drawing; the list below shows a few of them first.
const movementsAtFirst = 500

export function ItemScreen({ sku }: { readonly sku: string }) {
  const [limit, setLimit] = useState(movementsAtFirst)
  const item = useQuery((read) => read.stockList.get(sku))
  const ledger = useQuery((read) =>
    read.ledger
      .where({ key: { prefix: ledgerPrefix(sku) } })
      .orderBy('key', 'descending')
      .limit(limit),
  )
  const back = { href: href(['stock']), label: 'Stock' }
  if (item.data === undefined) {
    return (
      <Page title={sku} back={back}>
        {item.error !== undefined ? (
          <Problem title="This item cannot be read." error={item.error} />
        ) : item.loading ? (
          <Loading label={`Loading ${sku}…`} />
        ) : (
          <Empty title={`${sku} is not in the book.`}>
            <a href={href(['stock'])}>See what is</a>
          </Empty>
        )}
      </Page>
    )
  }
  const { name, onHand, reorderPoint, level, version } = item.data
  const movements = balances(ledger.data ?? [], version, onHand)
  return (
    <Page title={sku} back={back} {...(name === sku ? {} : { lead: name })} actions={<LevelBadge level={level} />}>
      <div className="columns">
        <Card title="On hand" note={`Reordered below ${formatNumber(reorderPoint)}.`}>
          <p className="on-hand" aria-live="polite">
            {formatNumber(onHand)} <span>{onHand === 1 ? 'unit' : 'units'}</span> {isPending(item.data) && <Waiting />}
          </p>
          <ItemActions sku={sku} onHand={onHand} />
        </Card>
        <Earlier sku={sku} version={version} reorderPoint={reorderPoint} movements={movements} />
      </div>
      <Card title="Movements">
        <Shown of={ledger} what="ledger" isEmpty={(rows) => rows.length === 0} empty={<Empty title="No movements yet." />}>
          {() => <Movements sku={sku} movements={movements} total={version} onMore={(atLeast) => setLimit(Math.max(limit, atLeast))} />}
        </Shown>
      </Card>
    </Page>
  )
}
