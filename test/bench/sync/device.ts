/** A device of the sync workloads: a browser of its own, with a page that does what it is told. */
import type { BrowserContext } from 'playwright-core'
import { openRemote, type Remote } from '../../browser/support/remote.ts'
import type { Address, DeviceApi } from '../pages/sync/main.ts'
import { startProfiler } from '../profile.ts'
import { threadsOf } from '../threads.ts'
import { visit } from '../visit.ts'
import type { Rig } from './rig.ts'

export interface Device {
  /** Opens its page; the one before is to be closed. */
  open(address: Address): Promise<Remote<DeviceApi>>
  /** Ends the page as an app does. */
  close(page: Remote<DeviceApi>): Promise<void>
  /** Does this, and tells where its time went where that was asked for. */
  profiled<T>(page: Remote<DeviceApi>, name: string, work: () => Promise<T>): Promise<T>
}

/** What a page reports where there is no way to its server. */
export const noNetwork = /net::ERR_/

/** @param expected errors of its pages that belong to the work */
export const withDevice = <T>(rig: Rig, work: (device: Device) => Promise<T>, expected?: RegExp): Promise<T> =>
  visit(({ context }) => work(deviceIn(rig, context)), { expected })

const deviceIn = ({ pages, profile }: Rig, context: BrowserContext): Device => ({
  open: (address) => openRemote<DeviceApi>(context, `${pages.url}sync/#${new URLSearchParams({ ...address }).toString()}`),
  async close(page) {
    await page.call('close')
    await page.page.close()
  },
  async profiled(page, name, work) {
    if (!profile) return work()
    const threads = await threadsOf(page.page)
    await threads.worker
    const profiler = await startProfiler(threads)
    const result = await work()
    profile.show(await profiler.stop(profile.folder, name))
    return result
  },
})
