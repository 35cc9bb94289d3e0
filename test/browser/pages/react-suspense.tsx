/** The page of suspended queries: what is kept of them, for whom, and for how long. */
import { Activity, type ReactNode, StrictMode, Suspense } from 'react'
import { OutpostError } from '../../../src/errors.ts'
import type { Realm, RealmOptions } from '../../channel/realm.ts'
import { expose } from './control.ts'
import { Boundary, frame, hooks, mount, until } from './react-mount.tsx'

const { useApp, useSuspenseQuery } = hooks

/** Timers of seconds, which the test ends by hand. */
const long: (() => void)[] = []
const { setTimeout: start } = globalThis
globalThis.setTimeout = ((run: () => void, ms = 0) => (ms < 9000 ? start(run, ms) : long.push(run))) as typeof setTimeout
const lapse = (): void => long.splice(0).forEach((run) => run())

const row = (sku: string) => ({ sku, name: sku.toUpperCase(), onHand: 0 })

/** Counts how often results are asked for, and fails as often as it is told to. */
function failing(times: number): RealmOptions & { asked: number } {
  const options = {
    asked: 0,
    prepare({ engine }: Realm['worker']) {
      const watch = engine.watch.bind(engine)
      engine.watch = async (...args) => {
        if (++options.asked <= times) throw new OutpostError('unknown-read-model', 'There is none.')
        return watch(...args)
      }
      engine.storage.results.set('stockList', [row('a')])
    },
  }
  return options
}

const List = () => <p>{useSuspenseQuery((read) => read.stockList).data.map(({ sku }) => sku)}</p>
const suspending = (
  <Suspense fallback={<p>…</p>}>
    <List />
  </Suspense>
)

const api = {
  /**
   * How often a result was asked for after a component had come back, by renders that had one before.
   *
   * @param shared another one asks the same while it is away
   */
  async comesBack(shared: boolean) {
    let asked = 0
    const Counted = () => {
      const { stockList } = useApp().read
      const snapshots = () => {
        asked++
        return stockList.snapshots()
      }
      return (
        <p>{useSuspenseQuery(Object.assign(Object.create(stockList) as typeof stockList, { snapshots })).data.map(({ sku }) => sku)}</p>
      )
    }
    const counted = (
      <Suspense fallback={<p>…</p>}>
        <Counted />
      </Suspense>
    )
    const tree = (mode: 'visible' | 'hidden', other: ReactNode) => (
      <>
        <Activity mode={mode}>{counted}</Activity>
        {other}
      </>
    )
    const realm = mount(tree('visible', null))
    const text = (): string => realm.text().replace(/\s+/g, ' ')
    const show = async (skus: string): Promise<void> => {
      realm.worker.engine.show('stockList', skus.split('').map(row))
      await until(() =>
        text()
          .split(' ')
          .every((each) => each === skus),
      )
      await frame()
    }
    await until(() => realm.worker?.engine !== undefined)
    await show('a')
    lapse()
    realm.render(tree('hidden', null))
    await until(() => realm.worker.engine.watches.size === 0)
    const other = shared ? <div>{counted}</div> : null
    realm.render(tree('hidden', other))
    if (shared) await until(() => text() === 'a')
    lapse()
    realm.render(tree('visible', other))
    await until(() => realm.worker.engine.watches.size === 1 && text() === (shared ? 'a a' : 'a'))
    await show('ab')
    lapse()
    asked = 0
    await show('abc')
    await show('abcd')
    return asked
  },

  /** What shows, and how often it was asked, where a query fails and is tried again at once. */
  async tryAgain() {
    const options = failing(2)
    let again: (() => void) | undefined
    const realm = mount(
      <StrictMode>
        <Boundary caught={(tryAgain) => (again = tryAgain)}>{suspending}</Boundary>
      </StrictMode>,
      options,
    )
    const seen: object[] = []
    for (let i = 0; i < 3; i++) {
      await until(() => again !== undefined || realm.text() === 'a')
      seen.push({ text: realm.text(), asked: options.asked })
      for (let frames = 0; frames < (i === 0 ? 20 : 3); frames++) await frame()
      again?.()
      again = undefined
    }
    return seen
  },

  /** How often a query was asked that always fails, under two boundaries that are drawn so slowly that React pauses meanwhile. */
  async slowBoundary() {
    const options = failing(Infinity)
    const Slow = () => {
      const end = performance.now() + 12
      while (performance.now() < end);
      return null
    }
    const slow = Array.from({ length: 10 }, (_, i) => <Slow key={i} />)
    let caught = 0
    const boundary = (
      <Boundary fallback={slow} caught={() => caught++}>
        {suspending}
      </Boundary>
    )
    mount(
      <>
        {boundary}
        {boundary}
      </>,
      options,
    )
    const end = performance.now() + 10_000
    await until(() => caught === 2 || performance.now() > end)
    return { caught, asked: options.asked }
  },
}

export type ReactSuspensePage = typeof api
expose(api)
