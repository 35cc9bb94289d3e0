/** Read Models and process managers: live, being rebuilt, or parked; with what one can do about it. */
import { useState } from 'react'
import { count, formatNumber } from '../format.ts'
import { useApp, useStatus } from '../hooks.ts'
import { Card } from './page.tsx'
import { Loading } from './states.tsx'

const states = { live: 'Live', building: 'Being built', rebuilding: 'Being rebuilt', parked: 'Parked' } as const

export function HandlerList() {
  const app = useApp()
  const status = useStatus()
  const [problem, setProblem] = useState<string>()
  const attempt = (task: Promise<void>): void => {
    setProblem(undefined)
    task.catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)))
  }
  if (status.worker === 'starting') return <Loading rows={3} />
  return (
    <Card title="Lists and handlers" note="Lists can always be built anew from the log. Until a new one is ready, the old one serves.">
      <ul className="handlers">
        {status.readModels.map(({ name, version, state, lag, rebuild, parked }) => (
          <li key={name}>
            <div>
              <strong>{name}</strong> <span className="faint">version {version}</span>
              <p className={state === 'parked' ? 'bad' : 'faint'}>
                {states[state]}
                {state === 'live' && lag > 0 && `, ${count(lag, 'Event')} behind`}
                {rebuild && `, ${formatNumber(rebuild.position)} of ${formatNumber(rebuild.target)}`}
                {parked &&
                  ` at Event ${formatNumber(parked.position)} (${parked.eventType}) after ${count(parked.attempts, 'attempt')}: ${parked.error}`}
              </p>
            </div>
            {state === 'parked' ? (
              <button type="button" onClick={() => attempt(app.retry(name))}>
                Retry<span className="hidden"> {name}</span>
              </button>
            ) : (
              <button type="button" className="quiet" disabled={state !== 'live'} onClick={() => attempt(app.rebuild(name))}>
                Rebuild<span className="hidden"> {name}</span>
              </button>
            )}
          </li>
        ))}
        {status.handlers.map(({ name, kind, state, parked }) => (
          <li key={name}>
            <div>
              <strong>{name}</strong> <span className="faint">{kind === 'reactor' ? 'reactor' : 'process manager'}</span>
              <p className={state === 'parked' ? 'bad' : 'faint'}>
                {states[state]}
                {parked.length > 0 && `: ${parked.map((each) => `${each.key ?? each.eventType}: ${each.error}`).join('; ')}`}
              </p>
            </div>
            {parked.length > 0 && (
              <button type="button" onClick={() => attempt(app.retry(name))}>
                Retry<span className="hidden"> {name}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {problem !== undefined && (
        <p className="said bad" role="alert">
          {problem}
        </p>
      )}
    </Card>
  )
}
