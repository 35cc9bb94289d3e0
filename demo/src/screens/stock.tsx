/** The stock list: found by code, filtered, sorted. */
import { useId, useState } from 'react'
import { formatInstant } from '../format.ts'
import { useQuery } from '../hooks.ts'
import { Choice } from '../parts/choice.tsx'
import { Icon } from '../parts/icon.tsx'
import { LevelBadge, LevelBar } from '../parts/level.tsx'
import { NewItem } from '../parts/new-item.tsx'
import { Page } from '../parts/page.tsx'
import { Empty, Shown } from '../parts/states.tsx'
import { More, Table } from '../parts/table.tsx'
import { href, setQuery, useRoute } from '../router.ts'

const levels = { all: undefined, low: { anyOf: ['low', 'empty'] }, empty: 'empty' } as const
const sorts = {
  code: ['sku', 'ascending'],
  least: ['onHand', 'ascending'],
  most: ['onHand', 'descending'],
  changed: ['changedAt', 'descending'],
} as const

const isKey = <T extends object>(of: T, key: string | null): key is keyof T & string => key !== null && Object.hasOwn(of, key)

const pageSize = 50

export function StockScreen() {
  const { query } = useRoute()
  const [asked, level, sort] = [query.get('code') ?? '', query.get('level'), query.get('sort')]
  const levelKey = isKey(levels, level) ? level : 'all'
  const sortKey = isKey(sorts, sort) ? sort : 'code'
  const [limit, setLimit] = useState(pageSize)
  const [adding, setAdding] = useState(false)

  const prefix = asked.trim().toLowerCase()
  const wanted = levels[levelKey]
  const condition = { ...(prefix && { search: { prefix } }), ...(wanted && { level: wanted }) }
  const [field, direction] = sorts[sortKey]
  const rows = useQuery((read) => read.stockList.where(condition).orderBy(field, direction).limit(limit))
  const total = useQuery((read) => read.stockList.where(condition).count())
  const change = (changes: Parameters<typeof setQuery>[0]): void => {
    setLimit(pageSize)
    setQuery(changes)
  }
  return (
    <Page
      title="Stock"
      actions={
        <button type="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>
          New Stock Item
        </button>
      }
    >
      {adding && <NewItem onClose={() => setAdding(false)} />}
      <div className="filters">
        <Search value={asked} onChange={(code) => change({ code })} />
        <Choice
          label="Which items"
          value={levelKey}
          onChange={(value) => change({ level: value === 'all' ? undefined : value })}
          options={[
            { value: 'all', label: 'All' },
            { value: 'low', label: 'Below reorder point' },
            { value: 'empty', label: 'Empty' },
          ]}
        />
        <Sort value={sortKey} onChange={(value) => change({ sort: value === 'code' ? undefined : value })} />
      </div>
      <Shown
        of={rows}
        what="stock list"
        rows={8}
        isEmpty={(items) => items.length === 0}
        empty={
          prefix !== '' || levelKey !== 'all' ? (
            <Empty title="No item fits.">
              <button type="button" onClick={() => change({ code: undefined, level: undefined })}>
                Show all items
              </button>
            </Empty>
          ) : (
            <Empty title="The shelves are empty.">
              Register an item, or <a href={href([])}>import orders</a>: their codes are registered by themselves.
            </Empty>
          )
        }
      >
        {(items) => (
          <>
            <Table
              caption="Stock Items"
              rows={items}
              rowKey={(item) => item.sku}
              columns={[
                {
                  key: 'sku',
                  label: 'Item',
                  main: true,
                  cell: (item) => (
                    <>
                      <a href={href(['stock', item.sku])}>{item.sku}</a>
                      {item.name !== item.sku && <span className="sub">{item.name}</span>}
                    </>
                  ),
                },
                { key: 'onHand', label: 'On hand', cell: (item) => <LevelBar onHand={item.onHand} reorderPoint={item.reorderPoint} /> },
                { key: 'reorderPoint', label: 'Reorder at', align: 'end', cell: (item) => item.reorderPoint },
                { key: 'level', label: 'Level', bare: 'corner', cell: (item) => <LevelBadge level={item.level} /> },
                { key: 'changedAt', label: 'Last moved', cell: (item) => formatInstant(item.changedAt) },
              ]}
            />
            <More shown={items.length} total={total.data} what="items" onMore={() => setLimit(limit * 2)} />
          </>
        )}
      </Shown>
    </Page>
  )
}

function Search({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const id = useId()
  return (
    <div className="search">
      <label htmlFor={id} className="hidden">
        Search by the beginning of a code
      </label>
      <Icon name="search" />
      <input
        id={id}
        type="search"
        placeholder="Code begins with…"
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  )
}

function Sort({ value, onChange }: { readonly value: keyof typeof sorts; readonly onChange: (value: string) => void }) {
  return (
    <label className="sort">
      <span>Sort by</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="code">Code</option>
        <option value="least">Least on hand</option>
        <option value="most">Most on hand</option>
        <option value="changed">Last movement</option>
      </select>
    </label>
  )
}
