/** The eleven steps of a Command, each a bar where and as long as it took. */
import type { Trace } from '../recorder.ts'

const names: Readonly<Record<Trace['spans'][number]['step'], string>> = {
  request: 'Request',
  command: 'Command',
  commandHandler: 'Command Handler',
  repositoryLoad: 'Repository: load',
  aggregate: 'Aggregate',
  output: 'Output',
  repositorySave: 'Repository: save',
  persistenceStore: 'Persistence Store',
  eventStore: 'Event Store',
  eventHandlers: 'Event Handlers',
  readModels: 'Read Models',
}

export function Waterfall({ spans }: { readonly spans: Trace['spans'] }) {
  const start = Math.min(...spans.map((span) => span.startedAt))
  const end = Math.max(...spans.map((span) => span.startedAt + span.durationMs))
  const percent = (ms: number): number => (end === start ? 0 : (ms / (end - start)) * 100)
  return (
    <ol className="waterfall" aria-label="The way of the Command">
      {spans.map(({ number, step, startedAt, durationMs }) => (
        <li key={number}>
          <span className="waterfall-number number">{number}</span>
          <span className="waterfall-name">{names[step]}</span>
          <span className="waterfall-track" aria-hidden="true">
            <span style={{ insetInlineStart: `${Math.min(percent(startedAt - start), 99)}%`, inlineSize: `${percent(durationMs)}%` }} />
          </span>
          <span className="waterfall-ms number">{durationMs.toFixed(2)} ms</span>
        </li>
      ))}
    </ol>
  )
}
