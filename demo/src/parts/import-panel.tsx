/** Choosing a file, and how far its import is. */
import { count, formatDuration, formatNumber } from '../format.ts'
import { useQuery, useStatus } from '../hooks.ts'
import { usualStock, type ImportJob } from '../import/import-job.ts'
import { sampleFile, sampleStock } from '../import/sample.ts'
import { useImportJob, useImportSettings } from '../import/use-importer.ts'
import { href } from '../router.ts'
import { Icon } from './icon.tsx'

export function ImportPanel() {
  const { importer, stock } = useImportSettings()
  const job = useImportJob()
  const running = job?.phase === 'running'
  const choose = (input: HTMLInputElement): void => {
    const file = input.files?.[0]
    if (file) importer.start(file, stock ?? usualStock, batchFromAddress())
    // The same file chosen again is a change again.
    input.value = ''
  }
  return (
    <div className="import">
      {job && <Job job={job} />}
      <div className="import-choose">
        <label className={`button primary file ${running ? 'disabled' : ''}`}>
          <Icon name="import" />
          {job ? 'Import another file' : 'Choose a file'}
          <input
            type="file"
            data-testid="import-orders"
            accept=".csv,.gz,.txt,text/csv,application/gzip"
            disabled={running}
            onChange={(event) => choose(event.currentTarget)}
          />
        </label>
        <button
          type="button"
          data-testid="load-sample"
          disabled={running}
          onClick={() => importer.start(sampleFile(sampleFromAddress()), stock ?? sampleStock)}
        >
          Load sample orders
        </button>
      </div>
      {!job && (
        <p className="note">A CSV file, packed with gzip or not: one line an order, its stock codes with commas between, one unit each.</p>
      )}
    </div>
  )
}

/** `?batch=monday`: part of a larger file, say, whose orders repeat themselves from part to part. */
const batchFromAddress = (): string | undefined => new URLSearchParams(location.search).get('batch') ?? undefined

/** `?sampleOrders=2500` asks for more than a few hundred. */
const sampleFromAddress = (): { orders?: number } => {
  const orders = Number(new URLSearchParams(location.search).get('sampleOrders'))
  return orders > 0 ? { orders } : {}
}

function Job({ job }: { readonly job: ImportJob }) {
  const { importer } = useImportSettings()
  const { phase, fileName, progress } = job
  const { total, done, rate } = progress
  const percent = total === 0 ? 0 : Math.floor((done / total) * 100)
  return (
    <div className="job" data-testid="import-progress" data-value={done} data-total={total} data-phase={phase}>
      <div className="job-head">
        <strong className="job-name">{fileName}</strong>
        {phase === 'running' ? (
          <span className="number">{total > 0 && `${percent} %`}</span>
        ) : (
          <button type="button" className="quiet small" onClick={() => importer.dismiss()}>
            Dismiss
          </button>
        )}
      </div>
      <progress
        aria-label={`Import of ${fileName}`}
        max={Math.max(total, 1)}
        {...(phase === 'running' && total === 0 ? {} : { value: done })}
      />
      <p className="job-text">
        {formatNumber(done)} of {count(total, 'order')}
        {phase === 'running' && rate > 0 && (
          <>
            {' · '}
            {formatNumber(rate)} a second{' · '}
            {formatDuration(((total - done) / rate) * 1000)} left
          </>
        )}
      </p>
      <JobEnd job={job} />
      {phase === 'running' && (
        <button type="button" onClick={() => importer.cancel()}>
          Cancel
        </button>
      )}
      {(phase === 'cancelled' || phase === 'failed') && (
        <button type="button" className="primary" onClick={() => importer.resume()}>
          Resume
        </button>
      )}
    </div>
  )
}

/** How an import ended, said aloud once. */
function JobEnd({ job }: { readonly job: ImportJob }) {
  const { phase, progress, problem, elapsedMs } = job
  const caughtUp = useCaughtUp(progress.position)
  return (
    <div className="job-end" role="status">
      {phase === 'cancelled' && <p>Cancelled. What was imported stays; resuming goes on from there.</p>}
      {phase === 'failed' && <p className="bad">The import stopped: {problem} What was imported stays.</p>}
      {phase === 'interrupted' && <p>The page was left while importing. Choose the same file again: nothing is imported twice.</p>}
      {phase === 'done' && !caughtUp && <p>All orders are in the book; lists are catching up…</p>}
      {phase === 'done' && caughtUp && (
        <p data-testid="import-done">
          Finished in {formatDuration(elapsedMs)}: {formatNumber(progress.placed)} placed,{' '}
          <a href={href(['import'])}>{formatNumber(progress.declined)} declined</a>
          {progress.malformed > 0 && (
            <>
              , <a href={href(['import'])}>{count(progress.malformed, 'malformed line')} skipped</a>
            </>
          )}
          {progress.known > 0 &&
            `; ${progress.known === progress.placed + progress.declined ? 'all' : formatNumber(progress.known)} of them in the book before`}
          .
        </p>
      )}
    </div>
  )
}

/** True once every Read Model has taken the Events up to there, and the figures on the screen have too. */
function useCaughtUp(position: number): boolean {
  const status = useStatus()
  const { data: figures } = useQuery((read) => read.figures.get('warehouse'))
  const { worker, readModels } = status
  const all =
    worker === 'ready' &&
    readModels.length > 0 &&
    readModels.every((model) => model.state === 'live' && (model.position >= position || model.lag === 0))
  return all && (figures?.position ?? 0) >= position
}
