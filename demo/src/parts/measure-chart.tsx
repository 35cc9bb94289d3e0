/** Each workload's figures as bars beside each other, drawn by hand; the longest of a workload fills the room. */
import { ratioText, valueText, type Figure } from '../measure/figures.ts'
import { subjectsInOrder } from '../measure/subjects.ts'
import { labels, sentence, shortNames } from '../measure/words.ts'
import type { Sizes } from '../measure/workloads.ts'

export interface MeasureChartProps {
  readonly figures: readonly Figure[]
  readonly sizes: Sizes
}

export const MeasureChart = ({ figures, sizes }: MeasureChartProps) => (
  <div className="measured">
    {(['rates', 'times'] as const).map((kind) => (
      <section key={kind} aria-labelledby={`measured-${kind}`}>
        <h3 id={`measured-${kind}`}>{kind === 'rates' ? 'A second: the longer, the faster' : 'Time: the shorter, the faster'}</h3>
        <div className="measured-group">
          {figures
            .filter(({ isRate }) => isRate === (kind === 'rates'))
            .map((figure) => (
              <Workload key={figure.workload} figure={figure} sizes={sizes} />
            ))}
        </div>
      </section>
    ))}
  </div>
)

const thickness = 12

function Workload({ figure, sizes }: { readonly figure: Figure; readonly sizes: Sizes }) {
  const { workload, values } = figure
  const longest = Math.max(...Object.values(values))
  return (
    <div className="measured-workload" role="img" aria-label={`${sentence(figure, sizes)}.`} data-testid={`measured-${workload}`}>
      <p>{labels[workload](sizes)}</p>
      {subjectsInOrder.map((name) => (
        <div key={name} className="measured-bar">
          <span>{shortNames[name]}</span>
          <svg height={thickness}>
            <rect
              className={name === 'outpost' ? 'own' : 'by-hand'}
              width={`${longest === 0 ? 0 : (values[name] / longest) * 100}%`}
              height={thickness}
              rx={3}
            />
          </svg>
          <span className="number" data-value={values[name]}>
            {valueText(figure, values[name])}
          </span>
          <span className="number">{name === 'outpost' ? '' : ratioText(figure, name)}</span>
        </div>
      ))}
    </div>
  )
}
