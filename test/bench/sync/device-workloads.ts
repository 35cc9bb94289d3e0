/**
 * What sync costs a device: real Chromium, a real server on loopback. Rows, the screen, the inbox and the server's log are
 * looked at after each: a fast wrong answer is none.
 */
import { deepStrictEqual } from 'node:assert/strict'
import { assert, makeTasks } from '../../../demo/src/measure/task.ts'
import type { Metrics } from '../../../demo/src/measure/workloads.ts'
import { addCommand, Client, contentsOf } from './client.ts'
import { type Device, noNetwork, withDevice } from './device.ts'
import type { Rig, SyncWorkload } from './rig.ts'

const confirmed = 100_000
const pushed = 1000
const shared = 1000
const foreign = 10_000
/** Pending Commands that the server refuses, because others came first. */
const refused = 10
const outbox = 20_000
const shortOutbox = 5000
const principal = 'ann'

/** @throws where the server's log of the space does not hold exactly so many Commands */
async function checkServer(url: string, space: string, count: number): Promise<void> {
  const { commands, events } = contentsOf(await new Client(url, space, principal).pull())
  deepStrictEqual([commands.length, events.length], [count, count])
}

const ms = (metrics: Metrics): number => metrics['ms'] ?? Number.NaN

/** The same Commands given on a device without a server; then their Events from a server, on an empty one. */
const catchUp: SyncWorkload = async (rig) => {
  const space = await rig.filled(confirmed)
  const { url } = await rig.server()
  const local = await withDevice(rig, async (device) => {
    const page = await device.open({ space, principal })
    await page.call('ready')
    const metrics = await page.call('add', 0, confirmed)
    await page.call('check', confirmed)
    return metrics
  })
  return withDevice(rig, async (device) => {
    const page = await device.open({ space, principal, url })
    const metrics = await device.profiled(page, 'catchup', () => page.call('exchanged', confirmed))
    await page.call('check', confirmed)
    await device.close(page)
    const again = await device.open({ space, principal, url })
    await again.call('exchanged', confirmed)
    await again.call('check', confirmed)
    const rate = (each: Metrics): number => (confirmed * 1000) / ms(each)
    return { ...metrics, perSecond: rate(metrics), localPerSecond: rate(local) }
  })
}

/** Nobody else wrote: the server decides the same, and what pends is confirmed as it stands. */
const fastPath: SyncWorkload = async (rig) => {
  const { url } = await rig.server()
  const space = rig.newSpace()
  return withDevice(rig, async (device) => {
    const page = await device.open({ space, principal, url })
    await page.call('exchanged', 0)
    await page.call('watch')
    await page.call('pause')
    await page.call('add', 0, pushed)
    deepStrictEqual(await page.call('look'), { pending: pushed, inbox: 0, position: pushed })
    const metrics = await device.profiled(page, 'fastpath', () => page.call('resume', 'upToDate', pushed))
    // Had anything been decided again, its Events stood further on.
    deepStrictEqual(await page.call('look'), { pending: 0, inbox: 0, position: pushed })
    await page.call('check', pushed)
    await checkServer(url, space, pushed)
    return metrics
  })
}

/** A device that has shared much with its server, and is paused since; meanwhile another one has given more. */
async function apart(device: Device, url: string, space: string) {
  const page = await device.open({ space, principal, url })
  await page.call('exchanged', 0)
  await page.call('add', 0, shared)
  await page.call('exchanged', shared)
  await page.call('watch')
  await page.call('pause')
  await new Client(url, space, 'ben').give(
    makeTasks(shared + foreign)
      .slice(shared)
      .map((task) => addCommand(task, 'ben')),
  )
  return page
}

/** Others were first: what pends is pushed, and what came of it takes its place behind theirs. */
const rebase: SyncWorkload = async (rig) => {
  const { url } = await rig.server()
  const space = rig.newSpace()
  const end = shared + foreign
  return withDevice(rig, async (device) => {
    const page = await apart(device, url, space)
    await page.call('mark', refused, pushed)
    await page.call('add', shared, shared + refused)
    deepStrictEqual(await page.call('look'), { pending: pushed, inbox: 0, position: shared + pushed })
    const metrics = await device.profiled(page, 'rebase', () => page.call('resume', 'upToDate', end))
    const { pending, inbox } = await page.call('look')
    deepStrictEqual({ pending, inbox }, { pending: 0, inbox: refused })
    await page.call('check', end, [refused, pushed])
    // Of what others asked for in vain nobody is told.
    await checkServer(url, space, end + pushed - refused)
    return metrics
  })
}

/** As long as the server cannot take the first of them, all of them are decided again over what others did. */
const redecide: SyncWorkload = async (rig) => {
  const server = await rig.start('PGlite', 'redecide', 'tasks-older')
  const { url } = server
  const space = rig.newSpace()
  const end = shared + foreign
  const metrics = await withDevice(rig, async (device) => {
    const page = await apart(device, url, space)
    await page.call('mark', 0, pushed)
    deepStrictEqual(await page.call('look'), { pending: pushed, inbox: 0, position: shared + pushed })
    const resumed = await device.profiled(page, 'redecide', () => page.call('resume', 'held', end))
    deepStrictEqual(await page.call('look'), { pending: pushed, inbox: 0, position: shared + pushed + foreign + pushed })
    await page.call('check', end, [0, pushed])
    await checkServer(url, space, end)
    return resumed
  })
  await server.stop()
  return metrics
}

/** The server is gone, the app is opened again. */
const outboxStart: SyncWorkload = async (rig) => {
  const server = await rig.start('PGlite', 'outbox')
  const who = { space: rig.newSpace(), principal, url: server.url }
  return withDevice(
    rig,
    async (device) => {
      const page = await device.open(who)
      await page.call('exchanged', 0)
      await server.stop()
      await page.call('add', 0, outbox)
      // Rows that are written behind belong to what was before.
      await new Promise((resolve) => setTimeout(resolve, 3000))
      await device.close(page)
      const again = await device.open({ ...who, cold: '1' })
      const metrics = await device.profiled(again, 'outbox', () => again.call('firstRows', outbox))
      await again.call('check', outbox)
      deepStrictEqual(await again.call('look'), { pending: outbox, inbox: 0, position: outbox })
      return metrics
    },
    noNetwork,
  )
}

/** A log that lived alone meets a server at which somebody does something each second. @returns ms from its page's first line */
async function firstSync(rig: Rig, count: number): Promise<number> {
  const { url } = await rig.server()
  const who = { space: rig.newSpace(), principal }
  return withDevice(rig, async (device) => {
    const alone = await device.open(who)
    await alone.call('ready')
    await alone.call('add', 0, count)
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await device.close(alone)

    const others = new Client(url, who.space, 'ben')
    const theirs = makeTasks(count + 600)
    let given = 0
    let giving = Promise.resolve()
    const give = (): void => {
      giving = giving.then(() => others.give([addCommand(theirs[count + given++] as (typeof theirs)[number], 'ben')]))
    }
    give()
    await giving
    const timer = setInterval(give, 1000)
    try {
      const page = await device.open({ ...who, url })
      const metrics = await device.profiled(page, `firstsync-${count}`, () => page.call('exchanged', count))
      clearInterval(timer)
      await giving
      await page.call('exchanged', count + given)
      await page.call('check', count + given)
      deepStrictEqual((await page.call('look')).inbox, 0)
      await checkServer(url, who.space, count + given)
      return ms(metrics)
    } finally {
      clearInterval(timer)
    }
  })
}

const firstSyncs: SyncWorkload = async (rig) => {
  const shortMs = await firstSync(rig, shortOutbox)
  const longMs = await firstSync(rig, outbox)
  return { shortMs, ms: longMs, ratio: longMs / shortMs }
}

type Mode = 'off' | 'paused' | 'on'
/** `paused`: what pends is kept apart, and nothing is under way. `on`: the server, on the same processors, takes it meanwhile. */
const modes: readonly Mode[] = ['off', 'on', 'paused']

/** The same local Commands without sync, with it, and while it is paused. */
const localCost =
  (name: 'seq' | 'burst'): SyncWorkload =>
  async (rig) => {
    const { url } = await rig.server()
    const metrics: Record<string, number> = {}
    for (const mode of modes) {
      const space = rig.newSpace()
      const of = await withDevice(rig, async (device) => {
        const page = await device.open({ space, principal, ...(mode !== 'off' && { url }) })
        await page.call('ready')
        if (mode !== 'off') await page.call('exchanged', 0)
        if (mode === 'paused') await page.call('pause')
        await page.call('settle')
        const measured = await device.profiled(page, `local-${name}.${mode}`, () => page.call('work', name))
        if (mode === 'on') await page.call('exchanged', 1)
        return measured
      })
      for (const [metric, value] of Object.entries(of)) metrics[`${mode}.${metric}`] = value
      const { commands } = contentsOf(mode === 'off' ? [] : await new Client(url, space, principal).pull())
      assert(commands.length > 0 === (mode === 'on'), `${commands.length} Commands came to the server.`)
    }
    return metrics
  }

export const deviceWorkloads: Readonly<Record<string, SyncWorkload>> = {
  'catchup': catchUp,
  'fastpath': fastPath,
  'rebase': rebase,
  'redecide': redecide,
  'outbox': outboxStart,
  'firstsync': firstSyncs,
  'local-seq': localCost('seq'),
  'local-burst': localCost('burst'),
}
