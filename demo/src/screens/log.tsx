/** The log: Events as they come, with the Command that led to them, its cause, and its way in eleven steps. */
import { useEffect } from 'react'
import { count } from '../format.ts'
import { LogEntry } from '../parts/log-entry.tsx'
import { Page } from '../parts/page.tsx'
import { Empty, Problem } from '../parts/states.tsx'
import { href, useRoute } from '../router.ts'
import { useRecorder } from '../use-recorder.ts'

export function LogScreen() {
  const { recording, start, stop } = useRecorder()
  const { query } = useRoute()
  const correlation = query.get('correlation')
  useEffect(start, [start])
  const entries = correlation === null ? recording.entries : recording.entries.filter((entry) => entry.correlationId === correlation)
  return (
    <Page
      title="Log"
      lead="Each Command with its Events, the newest first. Those that the server has not confirmed yet are waiting. Its way in eleven steps is shown for those given in this tab while recording."
      actions={
        <button type="button" aria-pressed={recording.on} onClick={recording.on ? stop : start}>
          {recording.on ? 'Stop recording' : 'Record'}
        </button>
      }
    >
      {recording.error !== undefined && <Problem title="The log cannot be followed." error={recording.error} />}
      {correlation !== null && (
        <p className="stale">
          Only what belongs together with <code>{correlation}</code>. <a href={href(['log'])}>Show all</a>
        </p>
      )}
      {entries.length === 0 ? (
        <Empty title={recording.on ? 'Waiting for Commands.' : 'Not recording.'}>
          Pick something by hand, <a href={href(['orders'])}>place an order</a>, or <a href={href([])}>load the sample</a>.
        </Empty>
      ) : (
        <>
          <p className="note" role="status">
            {count(entries.length, 'Command')}
            {recording.on ? ', recording' : ''}
          </p>
          <ol className="log">
            {entries.map((entry) => (
              <LogEntry key={entry.commandId} entry={entry} />
            ))}
          </ol>
        </>
      )}
    </Page>
  )
}
