/** A table on a desk, cards on a phone. Roles are written out: browsers drop a table's meaning when CSS lays it out otherwise. */
import { isPending } from 'outpost/client'
import type { ReactNode } from 'react'
import { Waiting } from './waiting.tsx'

export interface Column<Row> {
  readonly key: string
  readonly label: string
  readonly cell: (row: Row) => ReactNode
  readonly align?: 'end'
  /** The card's heading on a phone. */
  readonly main?: true
  /** On a phone without its label, since the content says what it is: in the card's corner, or on a line of its own. */
  readonly bare?: 'corner' | 'line'
}

export interface TableProps<Row> {
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string | number
  /** Whether it rests on Commands that the server has not processed yet; to be given where rows are made from a query's rows. */
  readonly isWaiting?: (row: Row) => boolean
}

export function Table<Row extends object>({ caption, columns, rows, rowKey, isWaiting = isPending }: TableProps<Row>) {
  return (
    <table className="table" role="table">
      <caption className="hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ key, label, align }) => (
            <th key={key} role="columnheader" scope="col" className={align}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={rowKey(row)} role="row">
            {columns.map(({ key, label, cell, align, main, bare }) => (
              <td key={key} role="cell" className={[align, main && 'main', bare].filter(Boolean).join(' ')}>
                {!main && !bare && (
                  <span className="cell-label" aria-hidden="true">
                    {label}
                  </span>
                )}
                <span className="cell">
                  {cell(row)}
                  {main && isWaiting(row) && <Waiting />}
                </span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export interface MoreProps {
  readonly shown: number
  readonly total: number | undefined
  readonly onMore: () => void
  readonly what: string
}

/** How many rows are shown of how many, and the next ones on demand: the page stays light however long the list. */
export const More = ({ shown, total, onMore, what }: MoreProps) => (
  <div className="more">
    <p role="status">
      {shown.toLocaleString('en-GB')}
      {total !== undefined && ` of ${total.toLocaleString('en-GB')}`} {what}
    </p>
    {(total === undefined || shown < total) && (
      <button type="button" onClick={onMore}>
        Show more
      </button>
    )}
  </div>
)
