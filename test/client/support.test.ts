import { afterEach, describe, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import type { Status } from '../../src/engine/status.ts'
import type { OutpostError } from '../../src/errors.ts'
import type { stock } from '../fixtures/stock.ts'
import { turns } from '../channel/turns.ts'

afterEach(() => vi.unstubAllGlobals())

const connectWorker = () => {
  const worker = vi.fn<() => Worker>()
  return { app: connect<typeof stock>({ worker }), worker }
}

describe('on a server', () => {
  test('connecting is harmless: no worker is made, calls say what is missing, watches stay silent', async () => {
    const { app, worker } = connectWorker()
    const heard = vi.fn<() => void>()
    const all = { next: heard, error: heard, complete: heard }
    app.read.stockList.where({ onHand: 1 }).watch().subscribe(all)
    app.events$({ after: 0 }).subscribe(all)
    app.trace$.subscribe(all)
    const missing = { code: 'unsupported', details: { missing: expect.arrayContaining(['Worker', 'indexedDB', 'navigator.locks']) } }
    await expect(app.commands.stockItem.pick('a', { quantity: 1 })).rejects.toMatchObject(missing)
    await expect(Promise.resolve(app.read.stockList.first())).rejects.toMatchObject(missing)
    await expect(app.aggregates.stockItem.load('a')).rejects.toMatchObject(missing)
    await expect(app.export().getReader().read()).rejects.toMatchObject(missing)
    await expect(app.persist()).resolves.toBe(false)
    await turns()
    expect(heard).not.toHaveBeenCalled()
    expect(worker).not.toHaveBeenCalled()
    await app.close()
  })

  test('the status says why', () => {
    const statuses: Status[] = []
    connectWorker().app.status$.subscribe((status) => statuses.push(status))
    expect(statuses).toMatchObject([{ worker: 'failed', problem: expect.stringContaining('no browser') }])
  })
})

describe('on an insecure origin', () => {
  const insecure = (): void => {
    for (const name of ['Worker', 'document']) vi.stubGlobal(name, new EventTarget())
    vi.stubGlobal('indexedDB', { databases: () => undefined })
    vi.stubGlobal('isSecureContext', false)
    vi.stubGlobal('navigator', {})
    vi.stubGlobal('crypto', {})
  }

  test('calls and watches name what is missing and what to do, and no worker is made', async () => {
    insecure()
    const { app, worker } = connectWorker()
    const missing = {
      code: 'unsupported',
      message: expect.stringContaining('HTTPS'),
      details: { missing: ['navigator.locks', 'crypto.subtle'] },
    }
    const heard = vi.fn<(error: OutpostError) => void>()
    app.read.stockList.watch().subscribe({ error: heard })
    expect(heard).toHaveBeenCalledWith(expect.objectContaining(missing))
    await expect(app.aggregates.order.load('a')).rejects.toMatchObject(missing)
    expect(worker).not.toHaveBeenCalled()
  })

  test('a part of the platform that an older browser lacks is named as well', async () => {
    insecure()
    vi.stubGlobal('isSecureContext', true)
    vi.stubGlobal('navigator', { locks: {} })
    vi.stubGlobal('crypto', { subtle: {} })
    vi.stubGlobal('indexedDB', {})
    const { app, worker } = connectWorker()
    await expect(app.aggregates.order.load('a')).rejects.toMatchObject({
      message: expect.stringContaining('too old'),
      details: { missing: ['indexedDB.databases'] },
    })
    expect(worker).not.toHaveBeenCalled()
  })

  test('what is forbidden counts as missing', async () => {
    insecure()
    vi.stubGlobal('isSecureContext', true)
    vi.stubGlobal('navigator', {
      get locks() {
        throw new DOMException('no', 'SecurityError')
      },
    })
    const { app } = connectWorker()
    await expect(app.aggregates.order.load('a')).rejects.toMatchObject({
      details: { missing: ['navigator.locks', 'crypto.subtle'] },
      message: expect.stringContaining('too old'),
    })
  })
})
