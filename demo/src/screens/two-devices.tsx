/** Two devices side by side in one window, each on its own, to see what happens when they meet again. */
import { prepareScene } from '../devices/scene.ts'
import { useDevices } from '../devices/use-devices.ts'
import { DevicePanel } from '../parts/device-panel.tsx'
import { Page } from '../parts/page.tsx'
import { Loading } from '../parts/states.tsx'
import { TaskNote, useTask } from '../parts/task.tsx'

export function TwoDevicesScreen() {
  const devices = useDevices()
  const task = useTask()
  return (
    <Page
      title="Two devices"
      lead="Each has databases and a network of its own. Cut both off, pick the last lamps on both, and join them again: the server decides, and what does not hold comes back to the inbox of the one who asked."
      actions={
        <button
          type="button"
          disabled={devices === undefined || task.busy}
          onClick={() =>
            devices &&
            task.run(async () => {
              await prepareScene(devices)
              return 'Both are joined, and three lamps are left.'
            })
          }
        >
          Prepare the scene
        </button>
      }
    >
      <TaskNote of={task} />
      {devices === undefined ? (
        <Loading label="Opening both devices…" />
      ) : (
        <div className="devices">
          {devices.map((device) => (
            <DevicePanel key={device.name} device={device} />
          ))}
        </div>
      )}
    </Page>
  )
}
