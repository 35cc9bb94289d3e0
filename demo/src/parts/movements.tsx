/** A Stock Item's movements, the newest first, each with what was on hand after it. */
import { isPending } from 'outpost/client'
import { useState } from 'react'
import { formatChange, formatInstant, formatNumber, formatOrderId, shortId } from '../format.ts'
import { href } from '../router.ts'
import { More, Table } from './table.tsx'

export interface Movement {
  readonly key: string
  readonly version: number
  readonly kind: 'registered' | 'received' | 'picked' | 'counted'
  readonly change: number
  readonly at: number
  readonly reference: string
}

export interface Balanced extends Movement {
  /** undefined while the movements are not of the same moment as what is on hand. */
  readonly balance: number | undefined
  readonly waiting: boolean
}

/** From what is on hand at a version, backwards. */
export function balances(movements: readonly Movement[], version: number, onHand: number): Balanced[] {
  let after = movements[0]?.version === version ? onHand : undefined
  return movements.map((movement) => {
    const balance = after
    if (after !== undefined) after -= movement.change
    return { ...movement, balance, waiting: isPending(movement) }
  })
}

const kinds = { registered: 'Registered', received: 'Received', picked: 'Picked', counted: 'Counted' } as const
const pageSize = 25

function Reference({ of: { kind, reference } }: { readonly of: Movement }) {
  if (kind === 'registered') return null
  if (reference === '') return <span className="faint">by hand</span>
  if (kind === 'received') return <span className="faint">Purchase Order {shortId(reference)}</span>
  return <a href={href(['orders'], { order: reference })}>Order {formatOrderId(reference)}</a>
}

export interface MovementsProps {
  readonly sku: string
  readonly movements: readonly Balanced[]
  /** How many there are: as many as the stream has versions. */
  readonly total: number
  /** Asks for at least so many. */
  readonly onMore: (atLeast: number) => void
}

export function Movements({ sku, movements, total, onMore }: MovementsProps) {
  const [limit, setLimit] = useState(pageSize)
  const shown = movements.slice(0, limit)
  return (
    <>
      <Table
        caption={`Movements of ${sku}, the newest first`}
        rows={shown}
        rowKey={(row) => row.key}
        isWaiting={(row) => row.waiting}
        columns={[
          { key: 'kind', label: 'Movement', main: true, cell: (row) => kinds[row.kind] },
          {
            key: 'change',
            label: 'Units',
            align: 'end',
            bare: 'corner',
            cell: (row) => <span className={row.change > 0 ? 'in' : ''}>{formatChange(row.change)}</span>,
          },
          {
            key: 'balance',
            label: 'On hand after',
            align: 'end',
            cell: (row) => (row.balance === undefined ? '…' : formatNumber(row.balance)),
          },
          { key: 'at', label: 'When', cell: (row) => formatInstant(row.at) },
          { key: 'version', label: 'Version', align: 'end', cell: (row) => formatNumber(row.version) },
          { key: 'reference', label: 'For', bare: 'line', cell: (row) => <Reference of={row} /> },
        ]}
      />
      <More
        shown={shown.length}
        total={total}
        what="movements"
        onMore={() => {
          setLimit(limit * 2)
          onMore(limit * 2)
        }}
      />
    </>
  )
}
