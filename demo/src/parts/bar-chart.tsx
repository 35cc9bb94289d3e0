/** Stacked bars of orders over time, drawn by hand; the same figures stand below as a table. */
import { formatNumber } from '../format.ts'

export interface Bar {
  readonly label: string
  /** Said in full in the table. */
  readonly longLabel: string
  readonly placed: number
  readonly declined: number
  readonly picked: number
}

const height = 150

/** The next round number: 1, 2 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power
}

export function BarChart({ bars, title, every }: { readonly bars: readonly Bar[]; readonly title: string; readonly every: number }) {
  const top = Math.max(niceCeiling(Math.max(...bars.map((bar) => bar.placed + bar.declined))), 4)
  const scale = (orders: number): number => (orders / top) * height
  const slot = 100 / bars.length
  const [placed, declined] = bars.reduce(([p, d], bar) => [p + bar.placed, d + bar.declined], [0, 0])
  return (
    <figure className="chart">
      <div className="chart-area">
        <div className="chart-scale" aria-hidden="true">
          {[top, top / 2, 0].map((value) => (
            <span key={value}>{formatNumber(value)}</span>
          ))}
        </div>
        <div className="chart-plot">
          <svg
            role="img"
            aria-label={`${title}: ${formatNumber(placed)} orders placed, ${formatNumber(declined)} declined.`}
            height={height}
          >
            <defs>
              {/* Declined differs by its hatching too, not by its colour alone. */}
              <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect width="6" height="6" className="declined-ground" />
                <rect width="2.5" height="6" className="declined-line" />
              </pattern>
            </defs>
            {[0, 0.5, 1].map((part) => (
              <line key={part} x1="0" x2="100%" y1={Math.max(0.5, height * part - 0.5)} y2={Math.max(0.5, height * part - 0.5)} />
            ))}
            {bars.map((bar, index) => (
              <g key={bar.longLabel}>
                <title>{`${bar.longLabel}: ${formatNumber(bar.placed)} placed, ${formatNumber(bar.declined)} declined`}</title>
                <rect x={`${index * slot}%`} y={0} width={`${slot}%`} height={height} className="catch" />
                <rect
                  x={`${index * slot + slot * 0.18}%`}
                  width={`${slot * 0.64}%`}
                  y={height - scale(bar.placed)}
                  height={scale(bar.placed)}
                  className="placed"
                />
                <rect
                  x={`${index * slot + slot * 0.18}%`}
                  width={`${slot * 0.64}%`}
                  y={height - scale(bar.placed + bar.declined)}
                  height={scale(bar.declined)}
                  fill="url(#hatch)"
                />
              </g>
            ))}
          </svg>
          <div className="chart-labels" aria-hidden="true">
            {bars.map((bar, index) => (
              <span key={bar.longLabel}>{index % every === 0 ? bar.label : ''}</span>
            ))}
          </div>
        </div>
      </div>
      <figcaption>
        <span className="key placed">Placed</span>
        <span className="key declined">Declined</span>
      </figcaption>
      <details>
        <summary>As a table</summary>
        <table className="plain">
          <caption className="hidden">{title}</caption>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Placed</th>
              <th scope="col">Declined</th>
              <th scope="col">Units picked</th>
            </tr>
          </thead>
          <tbody>
            {bars
              .filter((bar) => bar.placed + bar.declined + bar.picked > 0)
              .map((bar) => (
                <tr key={bar.longLabel}>
                  <th scope="row">{bar.longLabel}</th>
                  <td>{formatNumber(bar.placed)}</td>
                  <td>{formatNumber(bar.declined)}</td>
                  <td>{formatNumber(bar.picked)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}
