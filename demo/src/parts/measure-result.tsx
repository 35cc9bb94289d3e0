/** What was measured: as bars, as a table, on what, and as text to take along. */
import { formatDuration, formatInstant, formatNumber } from '../format.ts'
import { duration, ratioText, valueText, type Figure } from '../measure/figures.ts'
import type { Result } from '../measure/measurer.ts'
import type { SubjectName } from '../measure/subject.ts'
import { asText, labels, medianOf, shortNames } from '../measure/words.ts'
import type { Sizes } from '../measure/workloads.ts'
import { MeasureChart } from './measure-chart.tsx'
import { Card } from './page.tsx'
import { Table } from './table.tsx'
import { TaskNote, useTask } from './task.tsx'

export interface MeasureResultProps {
  readonly result: Result
  readonly sizes: Sizes
}

export function MeasureResult({ result, sizes }: MeasureResultProps) {
  const { figures, rounds } = result
  return (
    <>
      <Card
        title="Result"
        note={`${medianOf(rounds)}. The number with × is how many times as fast as that Outpost is: above 1 × it is faster.`}
      >
        <MeasureChart figures={figures} sizes={sizes} />
        <details className="measured-table">
          <summary>As a table</summary>
          <Table
            caption="What was measured"
            rows={figures}
            rowKey={({ workload }) => workload}
            columns={[
              { key: 'workload', label: 'Workload', main: true, cell: ({ workload }) => labels[workload](sizes) },
              { key: 'outpost', label: shortNames.outpost, align: 'end', cell: (figure) => valueText(figure, figure.values.outpost) },
              { key: 'put', label: shortNames.put, align: 'end', cell: (figure) => <ByHand figure={figure} name="put" /> },
              { key: 'worker', label: shortNames.worker, align: 'end', cell: (figure) => <ByHand figure={figure} name="worker" /> },
            ]}
          />
        </details>
      </Card>
      <Measured result={result} sizes={sizes} />
    </>
  )
}

const ByHand = ({ figure, name }: { readonly figure: Figure; readonly name: Exclude<SubjectName, 'outpost'> }) => (
  <>
    {valueText(figure, figure.values[name])}
    <span className="sub">
      <span className="hidden">Outpost </span>
      {ratioText(figure, name)}
    </span>
  </>
)

function Measured({ result, sizes }: MeasureResultProps) {
  const { machine, at, elapsedMs } = result
  const task = useTask()
  return (
    <Card title="Measured on" note="Other tabs and programs take part of the same machine: the ratios mean more than the figures.">
      <dl className="facts">
        <dt>Browser</dt>
        <dd>{machine.browser}</dd>
        <dt>Cores</dt>
        <dd>{formatNumber(machine.cores)}</dd>
        <dt>Clock ticks</dt>
        <dd>Every {duration(machine.tickMs)}</dd>
        <dt>Finished</dt>
        <dd>
          {formatInstant(at)}, after {formatDuration(elapsedMs)}
        </dd>
      </dl>
      <div className="form-end">
        <button
          type="button"
          disabled={task.busy}
          onClick={() =>
            task.run(async () => {
              await copy(asText(result, sizes))
              return 'Copied.'
            })
          }
        >
          Copy as text
        </button>
        <TaskNote of={task} />
      </div>
    </Card>
  )
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch (error) {
    throw new Error('The browser did not let the page copy. Allow it, or select the table and copy that.', { cause: error })
  }
}
