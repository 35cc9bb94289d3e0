/** How the book stands with the server, and the one thing that can be done about it now. */
import { useApp } from '../hooks.ts'
import { href } from '../router.ts'
import { pendingText, roundText, syncAction, syncText, syncTone } from '../sync-words.ts'
import { useSyncStatus } from '../use-sync-status.ts'

const labels = { pause: 'Pause', resume: 'Resume', now: 'Try now' } as const

export function SyncBar() {
  const status = useSyncStatus()
  return (
    <div className="sync-bar">
      <a className={`status ${syncTone(status)}`} href={href(['settings'])}>
        <span className="status-dot" aria-hidden="true" />
        <SyncText />
      </a>
      <SyncButton />
    </div>
  )
}

/** In words; figures are not read out each time they change. */
export function SyncText() {
  const status = useSyncStatus()
  return (
    <span className="sync-text">
      <span role="status">{syncText(status)}</span> <span className="number">{roundText(status)}</span>
      <span className="sub number" data-testid="to-send" data-value={status?.pending}>
        {pendingText(status?.pending)}
      </span>
    </span>
  )
}

export function SyncButton() {
  const { sync } = useApp()
  const status = useSyncStatus()
  const action = status && syncAction(status)
  if (action === undefined) return undefined
  return (
    <button type="button" className="quiet small" onClick={() => void sync[action]()}>
      {labels[action]}
      <span className="hidden"> sync</span>
    </button>
  )
}
