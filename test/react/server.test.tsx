import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createHooks } from 'outpost/react'
import { type ReactNode, Suspense } from 'react'
import { renderToString } from 'react-dom/server'
import { describe, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import type { stock } from '../fixtures/stock.ts'

const { OutpostProvider, useApp, useCommand, useQuery, useStatus, useSuspenseQuery } = createHooks<typeof stock>()

const worker = vi.fn<() => Worker>()
const render = (children: ReactNode, app = connect<typeof stock>({ worker })): string => {
  return renderToString(<OutpostProvider app={app}>{children}</OutpostProvider>).replaceAll('<!-- -->', '')
}

describe('on a server', () => {
  test('queries are loading, Commands idle, the status is where every page begins, and no worker is made', () => {
    const List = () => {
      const { data, loading, stale, error } = useQuery((read) => read.stockList.where({ onHand: 0 }))
      return <p>{JSON.stringify({ data: data ?? null, loading, stale, error: error ?? null })}</p>
    }
    const Pick = () => {
      const [, { pending, outcome, refusal, error }] = useCommand((commands) => commands.stockItem.pick)
      return <p>{JSON.stringify([pending, outcome ?? null, refusal ?? null, error ?? null])}</p>
    }
    const Status = () => <p>{useStatus().worker}</p>
    const html = render([<List key="list" />, <Pick key="pick" />, <Status key="status" />])
    const text = html.replaceAll('&quot;', '"')
    expect(text).toBe('<p>{"data":null,"loading":true,"stale":false,"error":null}</p><p>[false,null,null,null]</p><p>starting</p>')
    expect(worker).not.toHaveBeenCalled()
  })

  test('a query that suspends leaves the fallback of its boundary', () => {
    const List = () => <p>{useSuspenseQuery((read) => read.stockList).data.length}</p>
    const html = render(
      <Suspense fallback={<i>waiting</i>}>
        <List />
      </Suspense>,
    )
    expect(html).toContain('<i>waiting</i>')
    expect(html).not.toContain('<p>')
  })

  test('one that suspends outside any boundary says what is missing', () => {
    const List = () => <p>{useSuspenseQuery((read) => read.stockList).data.length}</p>
    expect(() => render(<List />)).toThrow(expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('Suspense') }))
  })

  test('nothing is kept of a query that suspends, however long the app lives', async () => {
    const app = connect<typeof stock>({ worker })
    const Count = ({ query }: { query: typeof app.read.stockList }) => <p>{useSuspenseQuery(query).data.length}</p>
    const ask = (below: number): WeakRef<object> => {
      const query = app.read.stockList.where({ onHand: { below } })
      render(
        <Suspense>
          <Count query={query as typeof app.read.stockList} />
        </Suspense>,
        app,
      )
      return new WeakRef(query)
    }
    const asked = Array.from({ length: 20 }, (_, i) => ask(i))
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await vi.waitFor(() => {
      collect()
      // React itself may keep the last ones.
      expect(asked.filter((query) => query.deref()).length).toBeLessThan(5)
    })
    expect(app.read).toBeDefined()
  })

  test('a component without a provider around it says so', () => {
    const Lost = () => <p>{String(useApp())}</p>
    expect(() => renderToString(<Lost />)).toThrow('OutpostProvider')
  })
})
