/** One device: its network, its stock, its inbox. */
import { isPending } from 'outpost/client'
import { useState } from 'react'
import type { Device } from '../devices/device.ts'
import { shelfCodes } from '../devices/scene.ts'
import { useIsCut } from '../devices/use-devices.ts'
import { count } from '../format.ts'
import { OutpostProvider, useCommand, useQuery } from '../hooks.ts'
import { CommandNote } from './command-note.tsx'
import { InboxCount, InboxList } from './inbox-list.tsx'
import { Empty, Shown } from './states.tsx'
import { SyncButton, SyncText } from './sync-bar.tsx'
import { Waiting } from './waiting.tsx'

export const DevicePanel = ({ device }: { readonly device: Device }) => (
  <OutpostProvider app={device.app}>
    <section className="card device" aria-labelledby={`device-${device.name}`}>
      <header className="device-head">
        <h2 id={`device-${device.name}`}>{device.name}</h2>
        <Network device={device} />
      </header>
      <div className="device-sync">
        <SyncText />
        <SyncButton />
      </div>
      <DeviceStock />
      <h3 className="device-inbox">
        Inbox <InboxCount />
      </h3>
      <InboxList empty={<p className="note">Nothing came back.</p>} />
    </section>
  </OutpostProvider>
)

function Network({ device: { name, app, cable } }: { readonly device: Device }) {
  const isCut = useIsCut(cable)
  return (
    <label className="switch">
      <span>
        Network<span className="hidden"> of {name}</span>
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={!isCut}
        onChange={() => {
          if (!isCut) return cable.cut()
          cable.join()
          // A real device's browser tells its worker that the network is back.
          void app.sync.now()
        }}
      />
    </label>
  )
}

function DeviceStock() {
  const rows = useQuery((read) => read.stockList.where({ sku: { anyOf: shelfCodes } }))
  const [pick, picking] = useCommand((commands) => commands.stockItem.pick)
  const [receive, receiving] = useCommand((commands) => commands.stockItem.receive)
  const [said, setSaid] = useState<{ readonly what: 'pick' | 'receive'; readonly done: string }>()
  return (
    <>
      <Shown
        of={rows}
        what="stock"
        rows={3}
        isEmpty={(items) => items.length === 0}
        empty={<Empty title="The shelves are empty.">Prepare the scene, and both have the same three items.</Empty>}
      >
        {(items) => (
          <ul className="device-stock">
            {items.map((item) => {
              const { sku, name, onHand } = item
              const give = (what: 'pick' | 'receive', quantity: number): void => {
                setSaid({ what, done: `${count(quantity, 'unit')} of ${sku} ${what === 'pick' ? 'picked' : 'received'}.` })
                void (what === 'pick' ? pick : receive)(sku, { quantity })
              }
              return (
                <li key={sku} data-sku={sku}>
                  <span className="device-item">
                    <strong className="number" data-testid="on-hand">
                      {onHand}
                    </strong>
                    <span>{name}</span>
                    {isPending(item) && <Waiting />}
                  </span>
                  <span className="row-actions">
                    <button type="button" onClick={() => give('pick', 1)}>
                      Pick 1<span className="hidden"> of {sku}</span>
                    </button>
                    <button type="button" disabled={onHand === 0} onClick={() => give('pick', onHand)}>
                      All<span className="hidden"> of {sku}</span>
                    </button>
                    <button type="button" onClick={() => give('receive', 1)}>
                      Receive 1<span className="hidden"> of {sku}</span>
                    </button>
                  </span>
                </li>
              )
            })}
          </ul>
        )}
      </Shown>
      {said && <CommandNote of={said.what === 'pick' ? picking : receiving} done={said.done} />}
    </>
  )
}
