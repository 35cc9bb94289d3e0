/** Where the book lies, how safely, and how the page itself gets here. */
import { formatBytes, formatNumber } from '../format.ts'
import { useApp, useStatus } from '../hooks.ts'
import { useInstall } from '../offline/install.ts'
import { usePageBuild } from '../offline/use-page-build.ts'
import { Card } from './page.tsx'
import { TaskNote, useTask } from './task.tsx'

const offlineTexts = {
  keeping: 'Not yet: its files are on their way to this device',
  ready: 'Yes',
  failed: 'No',
  off: 'Not while it is being developed',
} as const

const known = (answer: boolean | undefined, yes: string, no: string): string =>
  answer === undefined ? 'The browser does not tell' : answer ? yes : no

export function StorageCard() {
  const app = useApp()
  const { storage, worker, position, tabs } = useStatus()
  const build = usePageBuild()
  const install = useInstall()
  const task = useTask()
  const { persisted, usage, quota } = storage
  return (
    <Card title="Storage" note="The book lies in this browser, on this device.">
      <dl className="facts">
        <dt>Kept for good</dt>
        <dd>{known(persisted, 'Yes, the browser promised', 'Only as long as space allows')}</dd>
        <dt>Used</dt>
        <dd>
          {usage === undefined ? 'The browser does not tell' : formatBytes(usage)}
          {quota !== undefined && ` of ${formatBytes(quota)}`}
          {usage !== undefined && quota !== undefined && (
            <meter aria-label="Space used" min={0} max={quota} high={quota * 0.8} optimum={0} value={usage} />
          )}
        </dd>
        <dt>Private window</dt>
        <dd>{known(storage.private, 'Yes: the book goes with its last tab', 'No')}</dd>
        <dt>Starts offline</dt>
        <dd>
          {offlineTexts[build.offline]}
          {build.problem !== undefined && `: ${build.problem}`}
        </dd>
        <dt>Events</dt>
        <dd>{worker === 'starting' ? '…' : formatNumber(position)}</dd>
        <dt>Open tabs</dt>
        <dd>{worker === 'starting' ? '…' : tabs}</dd>
      </dl>
      <div className="form-end">
        {persisted !== true && (
          <button
            type="button"
            disabled={task.busy}
            onClick={() =>
              task.run(async () =>
                (await app.persist())
                  ? 'The browser will keep the book.'
                  : 'The browser did not promise. It may later, once you use the page more or have installed it.',
              )
            }
          >
            Ask the browser to keep it
          </button>
        )}
        {install && (
          <button
            type="button"
            onClick={() => task.run(async () => ((await install()) ? 'It is being installed.' : 'Not installed. It can be later.'))}
          >
            Install as an app
          </button>
        )}
      </div>
      <TaskNote of={task} />
    </Card>
  )
}
