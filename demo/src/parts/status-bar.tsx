/** How the book is doing, on every screen: quietly while all is well, plainly when something is not. */
import { count, formatBytes } from '../format.ts'
import { useApp, useStatus } from '../hooks.ts'
import { href } from '../router.ts'

type BookStatus = ReturnType<typeof useStatus>

const workers = {
  starting: 'Opening the book…',
  ready: 'Ready',
  lost: 'Reconnecting…',
  failed: 'Not working',
  closed: 'Closed',
} as const

function tone({ worker, problem, storage, readModels, handlers }: BookStatus): 'good' | 'busy' | 'bad' {
  const isParked = [...readModels, ...handlers].some((handler) => handler.state === 'parked')
  if (problem !== undefined || worker === 'failed' || worker === 'closed' || storage.state !== 'ok' || isParked) return 'bad'
  return worker === 'ready' && readModels.every((model) => model.state === 'live') ? 'good' : 'busy'
}

export function StatusBar() {
  const status = useStatus()
  const { worker, problem, tabs, storage, readModels } = status
  const rebuilding = readModels.filter((model) => model.state === 'rebuilding')
  return (
    <a className={`status ${tone(status)}`} href={href(['settings'])}>
      <span className="status-dot" aria-hidden="true" />
      <span role="status">
        {problem === undefined ? workers[worker] : workers.failed}
        {rebuilding.length > 0 && `, rebuilding ${rebuilding.map((model) => model.name).join(', ')}`}
      </span>
      <span className="status-more">
        {count(tabs, 'tab')}
        {storage.usage !== undefined && ` · ${formatBytes(storage.usage)}`}
        {storage.persisted === true ? ' · kept' : ''}
      </span>
    </a>
  )
}

/** What one has to know now, with what can be done about it. */
export function Alerts() {
  const app = useApp()
  const status = useStatus()
  const parked = [...status.readModels, ...status.handlers].filter((handler) => handler.state === 'parked')
  return (
    <div className="alerts" aria-live="polite">
      {status.problem !== undefined && (
        <p className="alert bad">
          <span>The book cannot be opened. {status.problem}</span>
          <button type="button" onClick={() => location.reload()}>
            Reload
          </button>
        </p>
      )}
      {status.storage.private === true && (
        <p className="alert bad">
          This is a private window: the book goes with its last tab. Export it, or open the page in another window.
        </p>
      )}
      {status.storage.state === 'full' && (
        <p className="alert bad">The disk is full: nothing new can be written. Free some space; reading goes on.</p>
      )}
      {status.storage.state === 'outdated' && (
        <p className="alert bad">A newer version of this page wrote to the book. Reload to get it; until then the book can only be read.</p>
      )}
      {status.worker === 'closed' && <p className="alert bad">This book is closed. Reload the page to open it again.</p>}
      {parked.map(({ name }) => (
        <p key={name} className="alert bad">
          <span>“{name}” has stopped at an Event that it cannot take. Everything else goes on.</span>
          <button type="button" onClick={() => void app.retry(name)}>
            Retry
          </button>
        </p>
      ))}
    </div>
  )
}
