import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import type { Status } from '../../src/engine/status.ts'
import { OutpostError } from '../../src/errors.ts'
import type { stock } from '../fixtures/stock.ts'
import { FakeStorage } from '../channel/fake-engine.ts'
import { FakeWorker, type Realm, type RealmOptions, startRealm } from '../channel/realm.ts'
import { fakeTimers, pass, rejectionOf, turns } from '../channel/turns.ts'

let realm: Realm
const start = (options: RealmOptions = {}): Realm => (realm = startRealm(options))
beforeEach(fakeTimers)
afterEach(async () => {
  await realm.app.close()
  vi.useRealTimers()
})

const workerStates = (): Status['worker'][] => {
  const states: Status['worker'][] = []
  realm.app.status$.subscribe(({ worker }) => states.at(-1) === worker || states.push(worker))
  return states
}
const never = (): Promise<never> => new Promise(() => undefined)
const hang = (worker: FakeWorker): Promise<never> => {
  worker.hang()
  return never()
}
const kill = (worker: FakeWorker): Promise<never> => {
  worker.kill()
  return never()
}
const pick = (commandId: string) => realm.app.commands.stockItem.pick('a', { quantity: 1 }, { commandId })

describe('a worker that died', () => {
  test('is replaced at once, and what was in flight is sent again under its id, never fresh', async () => {
    start({ decide: (_command, _engine, worker) => (worker === realm.workers[0] ? never() : undefined) })
    const states = workerStates()
    const unnamed = realm.app.commands.stockItem.pick('a', { quantity: 1 })
    const named = pick('c1')
    await turns()
    realm.worker.kill()
    expect(await Promise.all([unnamed, named])).toMatchObject([{ ok: true }, { ok: true, commandId: 'c1' }])
    const [first, second] = realm.workers.map(({ engine }) => engine.received)
    expect(second?.map(({ id }) => id)).toEqual(first?.map(({ id }) => id))
    expect(first?.map(({ fresh }) => fresh)).toEqual([true, false])
    expect(second?.map(({ fresh }) => fresh)).toEqual([false, false])
    expect(states).toEqual(['starting', 'ready', 'lost', 'ready'])
  })

  test('whose commit had come through answers from the receipt: nothing is decided twice', async () => {
    start({
      decide: (command, engine, worker) => {
        if (worker !== realm.workers[0]) return undefined
        engine.storage.record(command)
        return never()
      },
    })
    const given = pick('c1')
    await turns()
    realm.worker.kill()
    await expect(given).resolves.toMatchObject({ ok: true, position: 1 })
    expect(realm.storage.decided).toEqual(['c1'])
  })

  test('leaves Commands in the order in which they were given', async () => {
    start({ decide: (_command, _engine, worker) => (worker === realm.workers[0] ? never() : undefined) })
    const first = [pick('c1'), pick('c2')]
    await turns()
    realm.worker.kill()
    await Promise.all([...first, pick('c3')])
    expect(realm.worker.engine.received.map(({ id }) => id)).toEqual(['c1', 'c2', 'c3'])
  })

  test('leaves reads to be answered by the next', async () => {
    start()
    realm.worker.engine.run = never
    const rows = realm.app.read.stockList.first()
    const asked = Promise.resolve(rows)
    await turns()
    realm.storage.results.set('stockList', 'from the next')
    realm.worker.kill()
    await expect(asked).resolves.toBe('from the next')
  })

  test('takes with it a Command that was taken back meanwhile, unless it is in the log', async () => {
    start({ decide: never })
    const abort = new AbortController()
    const taken = realm.app.commands.stockItem.pick('a', { quantity: 1 }, { commandId: 'c1', signal: abort.signal })
    await turns()
    realm.worker.kill()
    abort.abort()
    await expect(taken).rejects.toMatchObject({ code: 'aborted' })
    expect(realm.worker.engine.cancelled).toEqual(['c1'])
  })

  test('again and again, of what was sent to it, is given up after three times, and the rest lives on', async () => {
    start({ decide: (command, _engine, worker) => (command.id === 'poison' ? kill(worker) : undefined) })
    const poison = pick('poison')
    const lost = rejectionOf(poison)
    await pass(20_000, 250)
    expect(await lost).toMatchObject({ code: 'worker-lost', message: expect.stringContaining('poison') })
    expect(realm.workers).toHaveLength(4)
    await expect(pick('fine')).resolves.toMatchObject({ ok: true })
  })

  test('five times before it said anything is given up, and everything fails with what kept it', async () => {
    start({ opens: async () => realm.worker.kill() })
    const states = workerStates()
    const given = rejectionOf(pick('c1'))
    const failures: unknown[] = []
    realm.app.read.stockList.watch().subscribe({ error: (error: OutpostError) => failures.push(error.code) })
    await turns()
    expect(realm.workers).toHaveLength(2)
    await pass(450)
    expect(realm.workers).toHaveLength(2)
    await pass(100)
    expect(realm.workers).toHaveLength(3)
    await pass(2000)
    expect(realm.workers).toHaveLength(4)
    await pass(5000)
    expect(realm.workers).toHaveLength(5)
    expect(await given).toMatchObject({ code: 'worker-lost' })
    expect(states).toEqual(['starting', 'failed'])
    expect(failures).toEqual(['worker-lost'])
    await expect(pick('c2')).rejects.toMatchObject({ code: 'worker-lost' })
    await pass(10_000, 500)
    expect(realm.workers).toHaveLength(5)
  })
})

describe('a decide that never returns', () => {
  const connect = { decideTimeoutMs: 1000 }

  test('fails alone, named; the others go on, and nothing is decided twice', async () => {
    start({ connect, decide: (command, _engine, worker) => (command.id === 'endless' ? hang(worker) : undefined) })
    const before = pick('before')
    await before
    const endless = rejectionOf(pick('endless'))
    const others = [pick('c1'), pick('c2')]
    await pass(1500)
    expect(realm.workers).toHaveLength(2)
    const meanwhile = pick('meanwhile')
    await pass(1500)
    expect(await endless).toMatchObject({
      code: 'decide-timeout',
      message: expect.stringMatching(/stockItem\.pick.*"a".*endless/),
      details: { commandId: 'endless', type: 'stockItem.pick', aggregateId: 'a' },
    })
    expect(await Promise.all([...others, meanwhile])).toMatchObject([{ ok: true }, { ok: true }, { ok: true }])
    expect(realm.workers).toHaveLength(3)
    expect(realm.storage.events.map(({ commandId }) => commandId).sort()).toEqual(['before', 'c1', 'c2', 'meanwhile'])
  })

  test('does not condemn its neighbours, wherever among them it stands', async () => {
    start({ connect, decide: (command, _engine, worker) => (command.id === 'c2' ? hang(worker) : undefined) })
    const given = Promise.allSettled(['c1', 'c2', 'c3'].map(pick))
    await pass(4000)
    expect((await given).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    // One at a time until the guilty one is found.
    expect(realm.workers[1]?.engine.received.map(({ id }) => id)).toEqual(['c1', 'c2'])
    expect(realm.workers[2]?.engine.received.map(({ id }) => id)).toEqual(['c3'])
  })

  test('two of them are found one after the other', async () => {
    start({ connect, decide: (command, _engine, worker) => (command.id.startsWith('endless') ? hang(worker) : undefined) })
    const given = Promise.allSettled(['endless-1', 'c1', 'endless-2', 'c2'].map(pick))
    await pass(6000)
    expect((await given).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled'])
  })

  test('holds back what is given while the suspects are on trial', async () => {
    start({ connect, decide: (command, _engine, worker) => (command.id === 'endless' ? hang(worker) : undefined) })
    void pick('endless').catch(() => undefined)
    await pass(1500)
    const later = pick('later')
    const read = Promise.resolve(realm.app.read.stockList.first())
    await turns()
    expect(realm.worker.engine.received.map(({ id }) => id)).toEqual(['endless'])
    expect(realm.worker.engine.runs).toEqual([])
    await pass(1500)
    await Promise.all([later, read])
  })

  test('a query that hangs the worker is told so, and the Commands go on', async () => {
    start({ connect, prepare: (worker) => (worker.engine.run = () => hang(worker)) })
    const asked = Promise.allSettled([realm.app.read.lowStock({ below: 1 }), pick('c1')])
    await pass(4000)
    const [query, command] = await asked
    expect(query).toMatchObject({ reason: { code: 'timeout', message: expect.stringContaining('Query of "lowStock"') } })
    expect(command).toMatchObject({ value: { ok: true } })
  })

  test('a watch that hangs the worker is told so, and the others go on', async () => {
    start({
      connect,
      prepare(worker) {
        const watch = worker.engine.watch.bind(worker.engine)
        worker.engine.watch = (query, changed) => (JSON.stringify(query).includes('13') ? hang(worker) : watch(query, changed))
      },
    })
    const news: unknown[] = []
    for (const below of [13, 1])
      realm.app.read
        .lowStock({ below })
        .watch()
        .subscribe({ next: () => news.push(below), error: ({ code, message }: OutpostError) => news.push(code, message) })
    await pass(4000)
    expect(news).toEqual(['timeout', expect.stringContaining('Query of "lowStock"'), 1])
  })

  test('time in which nothing was asked does not count, and costs nothing', async () => {
    start({ connect })
    await pick('c1')
    await pass(1000)
    const pings = realm.worker.messagesOf('ping').length
    await pass(20_000, 500)
    expect(realm.worker.messagesOf('ping')).toHaveLength(pings)
    await pick('c2')
    expect(realm.workers).toHaveLength(1)
  })
})

describe('a deadline', () => {
  test('of a read that a living worker does not answer is a timeout', async () => {
    start({ connect: { deadlineMs: 2000 } })
    realm.worker.engine.run = never
    const asked = rejectionOf(Promise.resolve(realm.app.read.stockList.first()))
    await pass(2500)
    expect(await asked).toMatchObject({ code: 'timeout', message: expect.stringContaining('Query of "stockList"') })
    expect(realm.workers).toHaveLength(1)
  })

  test('of a Command counts from the last one answered', async () => {
    const finish: (() => void)[] = []
    start({
      connect: { deadlineMs: 2000 },
      decide: async (command, engine) => {
        await new Promise<void>((resolve) => finish.push(resolve))
        return engine.storage.record(command)
      },
    })
    const given: Promise<unknown>[] = []
    for (let i = 0; i < 4; i++) {
      given.push(pick(`c${i}`))
      await turns()
    }
    for (let i = 0; i < 3; i++) {
      await pass(1500)
      finish[i]?.()
    }
    const last = rejectionOf(given[3] as Promise<unknown>)
    await pass(3000)
    expect(await last).toMatchObject({ code: 'timeout', message: expect.stringContaining('c3') })
    expect(await Promise.allSettled(given)).toMatchObject([{ value: { ok: true } }, { value: { ok: true } }, { value: { ok: true } }, {}])
  })

  test('passes too where no worker comes to be ready, and says that', async () => {
    start({ connect: { deadlineMs: 2000 }, opens: never })
    const asked = rejectionOf(pick('c1'))
    await pass(2500)
    expect(await asked).toMatchObject({ code: 'worker-lost', message: expect.stringContaining('stockItem.pick') })
  })

  test('does not bound how long a log may take to open, as long as the worker lives', async () => {
    let open: () => void = () => undefined
    start({ connect: { decideTimeoutMs: 1000, deadlineMs: 60_000 }, opens: () => new Promise((resolve) => (open = resolve)) })
    const given = pick('c1')
    await pass(30_000, 250)
    expect(realm.workers).toHaveLength(1)
    open()
    await expect(given).resolves.toMatchObject({ ok: true })
  })
})

describe('a worker that does not start', () => {
  const silentPort = () => new MessageChannel().port1
  const startWith = (endpoint: Parameters<typeof connect>[0]['endpoint']) => {
    const app = connect<typeof stock>({ endpoint: endpoint as NonNullable<typeof endpoint> })
    realm = { app } as Realm
    return app
  }

  test('because its factory throws fails with what it threw', async () => {
    const app = startWith(() => {
      throw new SyntaxError('no such URL')
    })
    const states = workerStates()
    const asked = rejectionOf(app.aggregates.order.load('a'))
    await pass(8000)
    expect(await asked).toMatchObject({ code: 'worker-failed', cause: { name: 'SyntaxError' } })
    expect(states).toEqual(['starting', 'failed'])
  })

  test('because it stays silent fails with hints at the usual reasons', async () => {
    const app = startWith(() => ({ port: silentPort() }))
    const asked = rejectionOf(app.aggregates.order.load('a'))
    await pass(60_000, 250)
    expect(await asked).toMatchObject({ code: 'worker-lost' })
    await expect(app.aggregates.order.load('a')).rejects.toMatchObject({
      code: 'worker-failed',
      message: expect.stringMatching(/silent.*MIME.*CSP/),
    })
  })

  test('because it died before its first answer is replaced after 10 s, of which its script may need most', async () => {
    let made = 0
    start({ prepare: (worker) => ++made === 1 && worker.hang() })
    const given = pick('c1')
    await pass(9_500, 250)
    expect(made).toBe(1)
    await pass(1_000, 250)
    expect(made).toBe(2)
    await expect(given).resolves.toMatchObject({ ok: true })
  })

  test('because it died before its first answer, after one whose script had loaded, is replaced after 3 s', async () => {
    let made = 0
    start({ prepare: (worker) => ++made === 2 && worker.hang() })
    await pick('c1')
    realm.worker.kill()
    const given = pick('c2')
    await pass(2_500, 250)
    expect(made).toBe(2)
    await pass(1_000, 250)
    expect(made).toBe(3)
    await expect(given).resolves.toMatchObject({ ok: true })
  })

  test('because its script cannot be loaded is noticed by its error', async () => {
    let starts = 0
    const app = startWith(() => {
      starts++
      const port = silentPort()
      queueMicrotask(() => port.dispatchEvent(new Event('error')))
      return { port }
    })
    await turns()
    expect(starts).toBe(2)
    const problems: (string | undefined)[] = []
    app.status$.subscribe(({ problem }) => problems.push(problem))
    expect(problems[0]).toContain('did not load')
  })

  test('but is of another build asks for a reload, at once and for good', async () => {
    const ends: Transferable[] = []
    const app = startWith(() => {
      const { port1, port2 } = new MessageChannel()
      port2.onmessage = ({ data }: MessageEvent<{ id: string }>) => {
        ends.push(port2)
        port2.postMessage({ id: data.id, type: 'RAW', value: { ok: true, value: { protocol: 99, lock: undefined } } })
      }
      return { port: port1 }
    })
    await expect(app.aggregates.order.load('a')).rejects.toMatchObject({
      code: 'protocol-mismatch',
      message: expect.stringContaining('Reload'),
    })
    expect(ends).toHaveLength(1)
  })

  test('because its log is of a newer build says so, at once and for good', async () => {
    start({
      opens: async () => {
        throw new OutpostError('storage-newer', 'A newer build made the log.')
      },
    })
    await expect(pick('c1')).rejects.toMatchObject({ code: 'storage-newer' })
    expect(realm.workers).toHaveLength(1)
    const statuses: Status[] = []
    realm.app.status$.subscribe((status) => statuses.push(status))
    expect(statuses[0]).toMatchObject({ worker: 'failed', problem: 'A newer build made the log.' })
  })

  test('because storage failed is started again', async () => {
    start({
      opens: async () => {
        if (realm.workers.length < 3) throw new OutpostError('storage-failed', 'The connection is gone.')
      },
    })
    const given = pick('c1')
    await pass(1000)
    await expect(given).resolves.toMatchObject({ ok: true })
  })

  test('to listen before the page greets it is greeted again', async () => {
    const worker = new FakeWorker(new FakeStorage(), {})
    // A worker drops what comes before its script has run; a port that nobody listens to keeps it.
    const app = startWith(() => {
      const { port } = worker.endpoint
      let deaf = true
      return {
        ...worker.endpoint,
        port: {
          addEventListener: (...args: Parameters<typeof port.addEventListener>) => port.addEventListener(...args),
          removeEventListener: (...args: Parameters<typeof port.removeEventListener>) => port.removeEventListener(...args),
          start: () => port.start?.(),
          postMessage(message: unknown, transfer: Transferable[] = []) {
            if (!deaf) port.postMessage(message, transfer)
            deaf = false
          },
        },
      }
    })
    await expect(app.aggregates.order.load('a')).resolves.toMatchObject({ version: 1 })
  })
})

describe('what was thrown in the worker and awaited by nobody', () => {
  test('is told to the page', async () => {
    start()
    await pick('c1')
    realm.worker.host.uncaught(new OutpostError('handler-failed', 'It threw.'))
    await turns()
    expect(realm.errors).toMatchObject([{ code: 'handler-failed' }])
  })
})

describe('close', () => {
  test('lets the commit in flight finish, then everything fails with `closed`', async () => {
    let finish: () => void = () => undefined
    start({
      decide: async (command, engine) => {
        await new Promise<void>((resolve) => (finish = resolve))
        return engine.storage.record(command)
      },
    })
    const given = pick('c1')
    await turns()
    const states = workerStates()
    const { engine } = realm.worker
    engine.close = async () => {
      finish()
      await given
      engine.closed = true
    }
    const closing = realm.app.close()
    await expect(pick('c2')).rejects.toMatchObject({ code: 'closed' })
    await closing
    await expect(given).resolves.toMatchObject({ ok: true })
    expect(engine.closed).toBe(true)
    expect(states).toEqual(['ready', 'closed'])
    await expect(realm.app.retry('x')).rejects.toMatchObject({ code: 'closed' })
    await realm.app.close()
  })

  test('ends a worker that does not let itself be closed', async () => {
    start({ connect: { decideTimeoutMs: 1000 } })
    await pick('c1')
    realm.worker.engine.close = never
    let closed = false
    const closing = realm.app.close().then(() => (closed = true))
    await pass(2500)
    expect(closed).toBe(true)
    await closing
    expect(realm.worker.terminated).toBe(true)
  })

  test('completes what is watched', async () => {
    start()
    const ends: string[] = []
    const complete = (): void => void ends.push('complete')
    realm.app.read.stockList.watch().subscribe({ complete })
    realm.app.events$().subscribe({ complete })
    realm.app.trace$.subscribe({ complete })
    realm.app.status$.subscribe({ complete })
    await turns()
    await realm.app.close()
    expect(ends).toHaveLength(4)
    const late = vi.fn<(error: unknown) => void>()
    realm.app.read.stockList.watch().subscribe({ error: late })
    expect(late).toHaveBeenCalledWith(expect.objectContaining({ code: 'closed' }))
  })

  test('before the worker is ready ends its start', async () => {
    start({ opens: never })
    const given = rejectionOf(pick('c1'))
    await turns()
    await realm.app.close()
    expect(await given).toMatchObject({ code: 'closed' })
    expect(realm.worker.terminated).toBe(true)
    await pass(10_000, 500)
    expect(realm.workers).toHaveLength(1)
  })
})
