/** How fast the library is in this very browser, beside the same done by hand. */
import { isOutpostError } from 'outpost/client'
import { useEffect } from 'react'
import { formatDuration } from '../format.ts'
import type { Measurement } from '../measure/measurer.ts'
import type { Plan } from '../measure/sizes.ts'
import { useMeasurer } from '../measure/use-measurer.ts'
import { labels, shortNames, subjectNames } from '../measure/words.ts'
import { phases, type Sizes, type WorkloadName } from '../measure/workloads.ts'
import { MeasureResult } from '../parts/measure-result.tsx'
import { Card, Page } from '../parts/page.tsx'
import { Problem } from '../parts/states.tsx'

export function MeasureScreen() {
  const { measurement, plan, start, cancel } = useMeasurer()
  const { phase } = measurement
  const { sizes } = plan
  // Whoever looks at something else keeps the browser busy with it.
  useEffect(() => cancel, [cancel])
  const isBusy = phase === 'running' || phase === 'ending'
  return (
    <Page
      title="Measure"
      lead="How fast Outpost is in this browser, beside the same written by hand on IndexedDB, in the same run. It takes less than a minute."
      actions={
        <button type="button" className={phase === 'done' ? '' : 'primary'} disabled={isBusy} onClick={start}>
          {phase === 'none' || isBusy ? 'Start measuring' : 'Measure again'}
        </button>
      }
    >
      <p className="hidden" role="status">
        {said(measurement)}
      </p>
      {phase === 'failed' && <Failed of={measurement} sizes={sizes} />}
      {phase === 'cancelled' && <p className="stale">Cancelled. What was measured until then is thrown away.</p>}
      {'remains' in measurement && measurement.remains !== undefined && (
        <Problem title="What was stored to measure could not be deleted. The next visit tries again." error={measurement.remains} />
      )}
      {isBusy && <Progress of={measurement} sizes={sizes} onCancel={cancel} />}
      {phase === 'done' && <MeasureResult result={measurement} sizes={sizes} />}
      <About plan={plan} isDone={phase === 'done'} />
    </Page>
  )
}

/** Said aloud: how it begins and ends, not each step. */
function said({ phase }: Measurement): string {
  if (phase === 'running') return 'Measuring.'
  if (phase === 'cancelled') return 'Cancelled.'
  return phase === 'done' ? 'Measured. The result is below.' : ''
}

const About = ({ plan: { sizes, rounds }, isDone }: { readonly plan: Plan; readonly isDone: boolean }) => (
  <Card
    title="What is measured"
    note="In databases of its own, which are deleted afterwards; your book is not touched. Keep the page in front, and let the machine do nothing else meanwhile."
  >
    <div className="plan">
      {!isDone && (
        <>
          <p>Each of these, on each side in turn, {rounds} times; less often where that would take too long:</p>
          <ul>
            {(Object.keys(phases) as WorkloadName[]).map((workload) => (
              <li key={workload}>{labels[workload](sizes)}</li>
            ))}
          </ul>
        </>
      )}
      <dl className="facts">
        <dt>{shortNames.outpost}</dt>
        <dd>Commands decided in a worker by rules, their Events recorded, and the rows that follow from them.</dd>
        <dt>{shortNames.put}</dt>
        <dd>By hand: a row put into one store, on the page. No Events, no rules.</dd>
        <dt>{shortNames.worker}</dt>
        <dd>By hand: an Event and a row in one transaction, behind a worker. No rules.</dd>
      </dl>
    </div>
  </Card>
)

interface ProgressProps {
  readonly of: Measurement
  readonly sizes: Sizes
  readonly onCancel: () => void
}

function Progress({ of: measurement, sizes, onCancel }: ProgressProps) {
  const running = measurement.phase === 'running' ? measurement : undefined
  const { step, done = 0, total = 1, rounds = 1, elapsedMs = 0 } = running ?? {}
  return (
    <Card title="Measuring">
      <div className="job" data-testid="measuring" data-value={done}>
        <div className="job-head">
          <strong className="job-name">
            {step ? labels[step.workload](sizes) : running ? 'Waiting until another tab has measured' : 'Deleting what was stored'}
          </strong>
          {step && <span className="number">{Math.floor((done / total) * 100)} %</span>}
        </div>
        <progress aria-label="Measured" max={total} {...(step && { value: done })} />
        <p className="job-text">
          {step && `Round ${step.round + 1} of ${rounds} · ${subjectNames[step.subject]}`}
          {done > 0 && ` · ${formatDuration((elapsedMs / done) * (total - done))} left`}
        </p>
        <button type="button" disabled={running === undefined} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </Card>
  )
}

function Failed({
  of: { step, error },
  sizes,
}: {
  readonly of: Extract<Measurement, { readonly phase: 'failed' }>
  readonly sizes: Sizes
}) {
  const where = step === undefined ? '' : ` at “${labels[step.workload](sizes)}”, ${subjectNames[step.subject]}`
  return <Problem title={`Measuring stopped${where}.`} error={error} action={<p>{advice(error)}</p>} />
}

const isFull = (error: unknown): boolean => isOutpostError(error, 'storage-full') || /QuotaExceeded/.test(String(error))

const advice = (error: unknown): string =>
  isFull(error)
    ? 'There is too little space on this device: free some, then measure again.'
    : 'Measure again. If it stops at the same place, reload the page first.'
