/** Taking the data out, in, or away. */
import { identity, space } from '../app.ts'
import { count, formatBytes } from '../format.ts'
import { useApp } from '../hooks.ts'
import { lossOf } from '../leaving.ts'
import { useLeave } from '../use-leave.ts'
import { usePendingCount } from '../use-pending-count.ts'
import { Confirm } from './confirm.tsx'
import { Card } from './page.tsx'
import { TaskNote, useTask } from './task.tsx'

/** Hands a file to the person. */
function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has taken hold of it by the next turn.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

export function DataCard() {
  const app = useApp()
  const leave = useLeave()
  const task = useTask()
  const loss = lossOf('delete', usePendingCount())
  return (
    <Card title="Your data">
      <div className="data-actions">
        <div>
          <h3>Take it out</h3>
          <p className="note">The whole log as one file: every Command and Event.</p>
          <button
            type="button"
            disabled={task.busy}
            onClick={() =>
              task.run(async () => {
                const blob = await new Response(app.export()).blob()
                download(blob, `stockroom-${space}-${new Date().toISOString().slice(0, 10)}.ndjson`)
                return `Exported ${formatBytes(blob.size)}.`
              })
            }
          >
            Export
          </button>
        </div>
        <div>
          <h3>Bring it in</h3>
          <p className="note">Restores an export into an empty book.</p>
          <label className={`button file ${task.busy ? 'disabled' : ''}`}>
            Restore
            <input
              type="file"
              accept=".ndjson,.json,.jsonl"
              disabled={task.busy}
              onChange={(event) => {
                const file = event.currentTarget.files?.[0]
                if (file === undefined) return
                task.run(async () => {
                  const { events } = await app.import(file)
                  return `Restored ${count(events, 'Event')}.`
                })
                event.currentTarget.value = ''
              }}
            />
          </label>
        </div>
        <div>
          <h3>Delete it</h3>
          <p className="note">Your copy of this book, in all tabs{identity.signedIn && '; you are signed out'}.</p>
          <Confirm
            label="Delete my data…"
            danger
            disabled={task.busy}
            question="Delete your copy of the book?"
            yes="Delete it"
            no="Keep it"
            onYes={() =>
              task.run(async () => {
                await leave('delete')
                return 'Deleted.'
              })
            }
          >
            <p className={loss.bad ? 'bad' : ''}>{loss.text}</p>
          </Confirm>
        </div>
      </div>
      <TaskNote of={task} />
    </Card>
  )
}
