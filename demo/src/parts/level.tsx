/** How full a shelf is, against its reorder point. */
import { formatNumber } from '../format.ts'

const words = { empty: 'Empty', low: 'Below reorder point', enough: 'Enough' } as const

/** Loud only where something is to be done. */
export const LevelBadge = ({ level }: { readonly level: keyof typeof words }) => (
  <span className={level === 'enough' ? 'faint' : `badge ${level}`}>{words[level]}</span>
)

export function LevelBar({ onHand, reorderPoint }: { readonly onHand: number; readonly reorderPoint: number }) {
  // Four times the reorder point fills the bar: beyond that it does not matter how much there is.
  const full = Math.max(reorderPoint * 4, 1)
  const level = onHand === 0 ? 'empty' : onHand < reorderPoint ? 'low' : 'enough'
  return (
    <span className="level">
      <span className="number">{formatNumber(onHand)}</span>
      <span className={`level-bar ${level}`} aria-hidden="true">
        <span style={{ inlineSize: `${Math.min(100, (onHand / full) * 100)}%` }} />
      </span>
    </span>
  )
}
