/** Sync in full: how it stands, why, since when, and what can be done. */
import type { SyncStatus } from 'outpost/client'
import { count, formatInstant } from '../format.ts'
import { useApp } from '../hooks.ts'
import { syncAction, syncText } from '../sync-words.ts'
import { useSyncStatus } from '../use-sync-status.ts'
import { Card } from './page.tsx'
import { SyncText } from './sync-bar.tsx'

const problemOf = (status: SyncStatus | undefined): string => (status && 'problem' in status ? status.problem : '')

export function SyncCard() {
  const { sync } = useApp()
  const status = useSyncStatus()
  const problem = problemOf(status)
  const action = status && syncAction(status)
  return (
    <Card title="Sync" note="What you do here is in the book at once, and is sent when there is a way to the server.">
      <dl className="facts">
        <dt>Now</dt>
        <dd>
          <SyncText />
          {problem !== '' && <p className="note">{problem}</p>}
        </dd>
        {status && 'retryAt' in status && (
          <>
            <dt>Tried again</dt>
            <dd>{formatInstant(status.retryAt)}</dd>
          </>
        )}
        <dt>Still to be sent</dt>
        <dd>{status === undefined ? '…' : count(status.pending, 'change')}</dd>
        <dt>Last in step</dt>
        <dd>{status?.lastSyncedAt === undefined ? 'Not yet' : formatInstant(status.lastSyncedAt)}</dd>
        <dt>Done by</dt>
        <dd>{status === undefined ? '…' : status.here ? 'This tab, for all tabs' : 'Another tab, for all tabs'}</dd>
      </dl>
      {action !== undefined && (
        <div className="form-end" role="group" aria-label={syncText(status)}>
          <button type="button" disabled={action === 'resume'} onClick={() => void sync.pause()}>
            Pause
          </button>
          <button type="button" disabled={action !== 'resume'} onClick={() => void sync.resume()}>
            Resume
          </button>
          <button type="button" disabled={action === 'resume'} onClick={() => void sync.now()}>
            Sync now
          </button>
        </div>
      )}
    </Card>
  )
}
