/** The page of react: components over an engine that the test moves by hand, in the same thread. */
import type { QueryResult } from 'outpost/react'
import { memo, StrictMode, Suspense } from 'react'
import { OutpostError } from '../../../src/errors.ts'
import { startRealm } from '../../channel/realm.ts'
import { expose } from './control.ts'
import { Boundary, frame, hooks, mount, until } from './react-mount.tsx'

const { useCommand, useQuery, useStatus, useSuspenseQuery, useSync } = hooks

const row = (sku: string, onHand = 0) => ({ sku, name: sku.toUpperCase(), onHand })
const task = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/** What a query's hook returned, render by render. */
function recorder() {
  const results: (Omit<QueryResult<unknown>, 'error'> & { readonly error: string | undefined })[] = []
  const record = ({ error, ...result }: QueryResult<unknown>): void => {
    const last = results.at(-1)
    const next = { ...result, error: (error as OutpostError | undefined)?.code }
    if (JSON.stringify(last) !== JSON.stringify(next)) results.push(next)
  }
  return { results, record }
}

const api = {
  /** Loading, then each result. */
  async follow() {
    const { results, record } = recorder()
    const List = () => {
      record(useQuery((read) => read.stockList.orderBy('name')))
      return null
    }
    const realm = mount(<List />)
    await until(() => results.length > 0)
    realm.worker.engine.show('stockList', [row('a')])
    await until(() => results.some(({ data }) => (data as object[] | undefined)?.length === 1))
    realm.worker.engine.show('stockList', [row('a'), row('b')])
    await until(() => results.some(({ data }) => (data as object[] | undefined)?.length === 2))
    return results.filter(({ data, loading }) => loading || data !== undefined)
  },

  /** What one query returned where another app, with another person's rows, took the place of the first. */
  async anotherApp() {
    const { results, record } = recorder()
    const List = () => {
      record(useQuery((read) => read.stockList.count()))
      return null
    }
    const realm = mount(<List />)
    await until(() => results.length > 0)
    realm.worker.engine.show('stockList', 'ann’s')
    await until(() => results.some(({ data }) => (data as unknown) === 'ann’s'))
    const other = startRealm()
    other.storage.results.set('stockList', 'bob’s')
    results.length = 0
    realm.render(<List />, other.app)
    await until(() => results.some(({ data }) => (data as unknown) === 'bob’s'))
    return results
  },

  /** How often each row was rendered while one of them changed, and another moved. */
  async renderRows() {
    const rendered: string[] = []
    const Row = memo(({ of }: { of: ReturnType<typeof row> }) => {
      rendered.push(of.sku)
      return <p>{`${of.sku}${of.onHand}`}</p>
    })
    const List = () => (useQuery((read) => read.stockList).data ?? []).map((each) => <Row key={each.sku} of={each} />)
    const [a, b, c] = [row('a'), row('b'), row('c')]
    const realm = mount(<List />)
    realm.storage.results.set('stockList', [a, b, c])
    await until(() => realm.text().includes('c0'))
    rendered.length = 0
    realm.worker.engine.show('stockList', [c, a, row('b', 5)])
    await until(() => realm.text().includes('b5'))
    return { rendered, text: realm.text().replace(/\s+/g, ' ') }
  },

  /** Renders and frames while results change as fast as they can. */
  async pour() {
    let renders = 0
    const Count = () => {
      renders++
      return <p>{useQuery((read) => read.stockList.count()).data}</p>
    }
    const realm = mount(<Count />)
    realm.storage.results.set('stockList', 0)
    await until(() => realm.worker?.engine.watches.size === 1)
    let frames = 0
    let running = true
    const count = (): void => {
      frames++
      if (running) requestAnimationFrame(count)
    }
    requestAnimationFrame(count)
    renders = 0
    const messages = 500
    for (let i = 1; i <= messages; i++) {
      realm.worker.engine.show('stockList', i)
      await task()
    }
    await until(() => realm.text() === String(messages))
    running = false
    return { renders, frames, messages }
  },

  /** Renders while the log goes on, but not this result. */
  async still() {
    let renders = 0
    const positions: number[] = []
    const List = () => {
      renders++
      return <p>{`rows ${useQuery((read) => read.stockList).data?.length}`}</p>
    }
    const rows = [row('a')]
    const realm = mount(<List />)
    realm.storage.results.set('stockList', rows)
    await until(() => realm.text() === 'rows 1')
    renders = 0
    realm.app.read.stockList.snapshots().subscribe(({ position }) => positions.push(position))
    for (let i = 0; i < 5; i++) {
      realm.storage.record({ id: `c${i}`, type: 'x' })
      realm.worker.engine.show('stockList', rows)
      await frame()
    }
    await until(() => positions.at(-1) === 5)
    await frame()
    return renders
  },

  /** What the worker was asked while a component rendered many times with a query written anew. */
  async rerender() {
    let renders = 0
    const List = () => {
      renders++
      const { data } = useQuery((read) => read.stockList.where({ onHand: { from: 1 }, name: { prefix: 'a' } }))
      return <p>{`rows ${data?.length}`}</p>
    }
    const realm = mount(<List />)
    realm.storage.results.set('stockList', [row('a')])
    await until(() => realm.text() === 'rows 1')
    for (let i = 0; i < 20; i++) {
      realm.render(<List />)
      await frame()
    }
    return { renders, subscribed: realm.worker.messagesOf('subscribe').length, unsubscribed: realm.worker.messagesOf('unsubscribe').length }
  },

  /** From one query to another and to none. */
  async change() {
    const { results, record } = recorder()
    const List = ({ below }: { below: number | undefined }) => {
      record(useQuery((read) => (below === undefined ? undefined : read.lowStock({ below }))))
      return null
    }
    const realm = mount(<List below={1} />)
    realm.storage.results.set('lowStock', ['one'])
    await until(() => results.at(-1)?.loading === false)
    realm.storage.results.set('lowStock', ['two'])
    realm.render(<List below={2} />)
    await until(() => JSON.stringify(results.at(-1)?.data) === '["two"]')
    await until(() => realm.worker.engine.watches.size === 1)
    realm.render(<List below={undefined} />)
    await until(() => results.at(-1)?.data === undefined)
    await until(() => realm.worker.engine.watches.size === 0)
    return results
  },

  /** Mounted twice, shown by several, and gone. */
  async leave() {
    const List = () => <p>{`rows ${useQuery((read) => read.stockList).data?.length}`}</p>
    const realm = mount(
      <StrictMode>
        <List />
        <List />
      </StrictMode>,
    )
    realm.storage.results.set('stockList', [row('a')])
    await until(() => realm.text().replace(/\s+/g, ' ') === 'rows 1 rows 1')
    const mounted = realm.worker.engine.watches.size
    realm.unmount()
    await until(() => realm.worker.engine.watches.size === 0)
    return { mounted, left: realm.worker.engine.watches.size }
  },

  async fail() {
    const { results, record } = recorder()
    const List = () => {
      record(useQuery((read) => read.stockList))
      return null
    }
    const realm = mount(<List />, {
      prepare: ({ engine }) => {
        engine.watch = async () => {
          throw new OutpostError('unknown-read-model', 'There is none.')
        }
      },
    })
    await until(() => results.some(({ error }) => error !== undefined))
    void realm
    return results
  },

  /** A Command's states, one after the other. */
  async command() {
    const states: object[] = []
    const now: { give?: (sku: string) => Promise<unknown>; forget?: () => void } = {}
    const Pick = () => {
      const [pick, { pending, outcome, refusal, error, reset }] = useCommand((commands) => commands.stockItem.pick)
      Object.assign(now, { give: (sku: string) => pick(sku, { quantity: 1 }), forget: reset })
      const state = {
        pending,
        outcome: outcome?.ok ?? null,
        refusal: refusal?.refusal ?? null,
        error: (error as OutpostError | undefined)?.code ?? null,
      }
      if (JSON.stringify(states.at(-1)) !== JSON.stringify(state)) states.push(state)
      return null
    }
    let release: (() => void) | undefined
    mount(<Pick />, {
      decide: async ({ id, aggregateId }, engine) => {
        if (aggregateId === 'slow') await new Promise<void>((resolve) => (release = resolve))
        if (aggregateId === 'broken') throw new OutpostError('decide-failed', 'It threw.')
        if (aggregateId === 'full') return engine.storage.record({ id, type: 'stockItem.pick' })
        return { ok: false, commandId: id, refusal: 'expired', details: { expiresAt: 1 } }
      },
    })
    await until(() => now.give !== undefined)
    const returned: unknown[] = []
    for (const sku of ['full', 'empty', 'broken']) {
      returned.push(await now.give?.(sku))
      await frame()
    }
    now.forget?.()
    await frame()
    // The one given first is answered last.
    const slow = now.give?.('slow')
    await until(() => release !== undefined)
    await now.give?.('full')
    await frame()
    release?.()
    await slow
    await frame()
    return { states, returned: returned.map((each) => JSON.stringify(each)) }
  },

  async status() {
    const Status = () => {
      const { worker, position } = useStatus()
      return <p>{`${worker} ${position}`}</p>
    }
    const realm = mount(<Status />)
    await until(() => realm.text() === 'ready 0')
    realm.worker.engine.status$.next({ position: 7, storage: 'ok', readModels: [], handlers: [] })
    await until(() => realm.text() === 'ready 7')
    return realm.text()
  },

  /** What shows where the stream fails, and where it had failed before. */
  async syncFails() {
    const Sync = () => <p>{useSync().state}</p>
    const sync = (
      <Boundary>
        <Sync />
      </Boundary>
    )
    const failing = mount(sync, {
      opens: async () => {
        throw new OutpostError('unsupported', 'It cannot be opened.')
      },
    })
    let worker = ''
    failing.app.status$.subscribe((status) => (worker = status.worker))
    await until(() => worker === 'failed')
    for (let frames = 0; frames < 10; frames++) await frame()
    const closed = mount(null)
    await closed.app.close()
    closed.render(sync)
    await until(() => closed.text() !== '')
    return [failing.text(), closed.text()]
  },

  /** A Command whose making throws already. */
  async commandThrows() {
    const now: { give?: () => Promise<unknown>; state?: object } = {}
    const Pick = () => {
      const [give, { pending, error }] = useCommand((): (() => Promise<{ ok: true }>) => () => {
        throw new RangeError('No such bin.')
      })
      Object.assign(now, { give, state: { pending, error: error?.message ?? null } })
      return null
    }
    mount(<Pick />)
    await until(() => now.give !== undefined)
    const returned = await now.give?.().then(
      (outcome) => Object.keys(outcome as object),
      (thrown: unknown) => `rejected: ${String(thrown)}`,
    )
    await frame()
    await frame()
    return { returned, state: now.state }
  },

  /** The fallback, then the result; then the next result without the fallback. */
  async suspend() {
    const texts: string[] = []
    const List = () => <p>{useSuspenseQuery((read) => read.stockList).data.map(({ sku }) => sku)}</p>
    const realm = mount(
      <StrictMode>
        <Suspense fallback={<p>waiting</p>}>
          <List />
        </Suspense>
      </StrictMode>,
      { opens: () => new Promise((resolve) => setTimeout(resolve, 50)) },
    )
    realm.storage.results.set('stockList', [row('a')])
    const see = (text: string): Promise<void> =>
      until(() => {
        if (texts.at(-1) !== realm.text() && realm.text() !== '') texts.push(realm.text())
        return realm.text() === text
      })
    await see('waiting')
    await see('a')
    realm.worker.engine.show('stockList', [row('a'), row('b')])
    await see('ab')
    return { texts, watches: realm.worker.engine.watches.size }
  },

  async suspendAndFail() {
    const List = () => <p>{useSuspenseQuery((read) => read.stockList).data.length}</p>
    const realm = mount(
      <Boundary>
        <Suspense fallback={<p>waiting</p>}>
          <List />
        </Suspense>
      </Boundary>,
      {
        prepare: ({ engine }) => {
          engine.watch = async () => {
            throw new OutpostError('unknown-read-model', 'There is none.')
          }
        },
      },
    )
    await until(() => realm.text() === 'unknown-read-model')
    return realm.text()
  },
}

export type ReactPage = typeof api
expose(api)
