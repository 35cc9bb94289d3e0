/** One Command in the log. Its details are made when it is opened: most never are. */
import { useState } from 'react'
import { count, formatPreciseTime } from '../format.ts'
import type { Entry } from '../recorder.ts'
import { href } from '../router.ts'
import { Waiting } from './waiting.tsx'
import { Waterfall } from './waterfall.tsx'

/** `order.placed, 12 × stockItem.picked` */
function summary(events: Entry['events']): string {
  const types = new Map<string, number>()
  for (const { event } of events) types.set(event.type, (types.get(event.type) ?? 0) + 1)
  return Array.from(types, ([type, times]) => (times === 1 ? type : `${times} × ${type}`)).join(', ')
}

const Withdrawn = () => (
  <span className="badge declined" title="It held here for a while, and does no longer">
    Withdrawn
  </span>
)

const outcomes = { accepted: 'Accepted', refused: 'Refused', failed: 'Failed' } as const

export function LogEntry({ entry }: { readonly entry: Entry }) {
  const [open, setOpen] = useState(false)
  const { events, trace, at } = entry
  const states = new Set(events.map(({ state }) => state))
  const position = events.reduce((last, news) => (news.state === 'confirmed' ? news.event.position : last), 0)
  const total = trace?.spans.length
    ? Math.max(...trace.spans.map((s) => s.startedAt + s.durationMs)) - (trace.spans[0]?.startedAt ?? 0)
    : undefined
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="log-time number">{formatPreciseTime(at)}</span>
          <span className="log-what">
            <span className="log-type">{trace?.type ?? events[0]?.event.type ?? 'Command'}</span>
            <span className="sub">{events.length > 0 ? summary(events) : 'no Events'}</span>
          </span>
          {trace && trace.outcome !== 'accepted' && <span className="badge declined">{outcomes[trace.outcome]}</span>}
          {states.has('tentative') && <Waiting />}
          {states.has('withdrawn') && <Withdrawn />}
          {total !== undefined && <span className="number faint">{total.toFixed(1)} ms</span>}
          {position > 0 && <span className="log-position number">#{position}</span>}
        </summary>
        {open && <Details entry={entry} />}
      </details>
    </li>
  )
}

function Details({ entry: { commandId, correlationId, causationId, actor, events, trace } }: { readonly entry: Entry }) {
  return (
    <div className="log-details">
      <dl className="facts">
        <dt>Command</dt>
        <dd>
          {trace && <span>{trace.type} </span>}
          <code>{commandId}</code>
        </dd>
        {(trace?.aggregateId ?? '') !== '' && (
          <>
            <dt>Aggregate</dt>
            <dd>{trace?.aggregateId}</dd>
          </>
        )}
        <dt>Given by</dt>
        <dd>{actor ?? (causationId === undefined ? 'this tab' : 'a process manager')}</dd>
        <dt>Caused by</dt>
        <dd>{causationId === undefined ? 'a person' : <code>{causationId}</code>}</dd>
        <dt>Correlation</dt>
        <dd>
          <a href={href(['log'], { correlation: correlationId })}>
            <code>{correlationId}</code>
          </a>
        </dd>
      </dl>
      {trace ? (
        <Waterfall spans={trace.spans} />
      ) : (
        <p className="faint">Its way was not recorded: it came from another tab, or before recording.</p>
      )}
      {events.length > 0 && (
        <>
          <h2 className="events-title">{count(events.length, 'Event')}</h2>
          <ol className="events">
            {events.map(({ state, event }) => (
              <li key={event.id}>
                <span className="events-head">
                  <strong>{event.type}</strong> {event.aggregateId}{' '}
                  {state === 'confirmed' ? (
                    <span className="faint">
                      version {event.version}, #{event.position}
                    </span>
                  ) : state === 'tentative' ? (
                    <Waiting />
                  ) : (
                    <Withdrawn />
                  )}
                </span>
                <code className="raw">{JSON.stringify(event.data)}</code>
                <span className="faint">
                  Event id <code>{event.id}</code>
                </span>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  )
}
