/** Settings: where the data lies, how the lists are doing, and taking the data out, in, or away. */
import { useRef, useState } from 'react'
import { space } from '../app.ts'
import { count, formatBytes, formatNumber } from '../format.ts'
import { useApp, useStatus } from '../hooks.ts'
import { useImportSettings } from '../import/use-importer.ts'
import { HandlerList } from '../parts/handler-list.tsx'
import { Icon } from '../parts/icon.tsx'
import { Card, Page } from '../parts/page.tsx'
import { href } from '../router.ts'

interface Said {
  readonly good: boolean
  readonly text: string
}

const Note = ({ said }: { readonly said: Said | undefined }) => (
  <p className="said" role="status">
    {said && <span className={said.good ? 'good' : 'bad'}>{said.text}</span>}
  </p>
)

/** Runs one thing at a time and says how it went. */
function useTask(): { readonly busy: boolean; readonly said: Said | undefined; readonly run: (task: () => Promise<string>) => void } {
  const [busy, setBusy] = useState(false)
  const [said, setSaid] = useState<Said>()
  return {
    busy,
    said,
    run: (task) => {
      setBusy(true)
      setSaid(undefined)
      task()
        .then(
          (text) => setSaid({ good: true, text }),
          (error: unknown) => setSaid({ good: false, text: error instanceof Error ? error.message : String(error) }),
        )
        .finally(() => setBusy(false))
    },
  }
}

export function SettingsScreen() {
  return (
    <Page title="Settings">
      <nav className="elsewhere" aria-label="More screens">
        <a href={href(['import'])}>
          <Icon name="import" />
          Import
        </a>
        <a href={href(['log'])}>
          <Icon name="log" />
          Log
        </a>
      </nav>
      <Storage />
      <HandlerList />
      <YourData />
    </Page>
  )
}

function Storage() {
  const app = useApp()
  const status = useStatus()
  const persisting = useTask()
  const { persisted, usage, quota } = status.storage
  return (
    <Card title="Storage" note="The book lies in this browser, on this device.">
      <dl className="facts">
        <dt>Kept for good</dt>
        <dd>
          {persisted === undefined ? 'The browser does not tell' : persisted ? 'Yes, the browser promised' : 'Only as long as space allows'}
        </dd>
        <dt>Used</dt>
        <dd>
          {usage === undefined ? 'unknown' : formatBytes(usage)}
          {quota !== undefined && ` of ${formatBytes(quota)}`}
        </dd>
        <dt>Events</dt>
        <dd>{status.worker === 'starting' ? '…' : formatNumber(status.position)}</dd>
        <dt>Open tabs</dt>
        <dd>{status.worker === 'starting' ? '…' : status.tabs}</dd>
      </dl>
      {persisted !== true && (
        <button
          type="button"
          disabled={persisting.busy}
          onClick={() =>
            persisting.run(async () =>
              (await app.persist())
                ? 'The browser will keep the book.'
                : 'The browser did not promise. It may later, once you use the page more.',
            )
          }
        >
          Ask the browser to keep it
        </button>
      )}
      <Note said={persisting.said} />
    </Card>
  )
}

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

function YourData() {
  const app = useApp()
  const { importer } = useImportSettings()
  const task = useTask()
  const dialog = useRef<HTMLDialogElement>(null)
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
          <p className="note">Everything in this book, in all tabs, for good.</p>
          <button type="button" className="danger" disabled={task.busy} onClick={() => dialog.current?.showModal()}>
            Delete my data…
          </button>
        </div>
      </div>
      <Note said={task.said} />
      <dialog ref={dialog} aria-labelledby="delete-title">
        <h2 id="delete-title">Delete the whole book?</h2>
        <p>
          All Stock Items, orders and their history are deleted from this browser, in all tabs. It cannot be undone; an export can be
          restored.
        </p>
        <form method="dialog" className="form-end">
          <button type="submit">Keep it</button>
          <button
            type="button"
            className="danger"
            onClick={() => {
              dialog.current?.close()
              task.run(async () => {
                importer.dismiss()
                await app.destroy()
                location.assign(`${location.pathname}${location.search}`)
                return 'Deleted.'
              })
            }}
          >
            Delete for good
          </button>
        </form>
      </dialog>
    </Card>
  )
}
