/**
 * Drives pages of browsers that have nobody to drive them: such a page asks its server what to do, does it, and tells what came of
 * it. That needs of a browser no more than `fetch`, and leaves it as its users have it (WebKitGTK keeps nothing on disk of what
 * it is driven through by its driver).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Bench } from '../pages/offer.ts'

interface Order {
  readonly task: Task
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}
/** What a page is to do: a call of what it offers, whose result it answers; or to go there. A page that leaves cannot answer. */
type Task = Call | { readonly url: string }
interface Call {
  readonly method: keyof Bench
  readonly args: readonly unknown[]
}
interface Answer {
  readonly value?: unknown
  readonly problem?: string
}

/** What a page adds to its own script. */
export const driven = `<script>(${takeOrders.toString()})()</script>`

/** In the page. It begins when the page's own scripts have run. */
async function takeOrders(): Promise<void> {
  const problems: string[] = []
  addEventListener('error', ({ message }) => problems.push(message))
  addEventListener('unhandledrejection', ({ reason }) => problems.push(String(reason)))
  await new Promise((resolve) => addEventListener('load', resolve))
  for (;;) {
    const order = await fetch(`/next${location.search}`, { method: 'POST' })
    const task = (await order.json()) as Task
    if ('url' in task) return location.replace(task.url)
    let answer: Answer
    try {
      const { bench } = globalThis as unknown as { readonly bench: Readonly<Record<string, (...args: readonly unknown[]) => unknown>> }
      const value = await bench[task.method]?.(...task.args)
      answer = problems.length > 0 ? { problem: problems.join('\n') } : { value }
    } catch (error) {
      answer = { problem: [String(error), ...problems].join('\n') }
    }
    await fetch(`/done${location.search}`, { method: 'POST', body: JSON.stringify(answer) })
  }
}

export class Switchboard {
  /** By page: what it is to do next, or who waits for that. */
  readonly #orders = new Map<string, Order>()
  readonly #waiting = new Map<string, ServerResponse>()

  /** Of what the page that was opened with `?name` offers. @returns what it comes to, as JSON carries it */
  call(page: string, method: keyof Bench, args: readonly unknown[] = [], patienceMs = 300_000): Promise<unknown> {
    let timeout: ReturnType<typeof setTimeout>
    const answered = new Promise<unknown>((resolve, reject) => {
      timeout = setTimeout(() => reject(new Error(`The page did not answer for ${patienceMs / 1000} s: ${method}`)), patienceMs)
      this.#orders.set(page, { task: { method, args }, resolve, reject })
    })
    this.#hand(page)
    return answered.finally(() => clearTimeout(timeout))
  }

  /** Has it go to another address. */
  leave(page: string, url: string): void {
    this.#orders.set(page, { task: { url }, resolve: () => undefined, reject: () => undefined })
    this.#hand(page)
  }

  /** Of the server of those pages: true where the request is one of theirs. */
  readonly respond = (request: IncomingMessage, response: ServerResponse): boolean => {
    const [path, page = ''] = (request.url ?? '').split('?')
    if (request.method !== 'POST' || (path !== '/next' && path !== '/done')) return false
    if (path === '/next') {
      this.#waiting.set(page, response)
      this.#hand(page)
    } else void this.#take(page, request).finally(() => response.end())
    return true
  }

  /** Where there is both something to do and somebody who asks. */
  #hand(page: string): void {
    const [order, response] = [this.#orders.get(page), this.#waiting.get(page)]
    if (!order || !response) return
    this.#waiting.delete(page)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(order.task))
  }

  async #take(page: string, request: IncomingMessage): Promise<void> {
    const order = this.#orders.get(page)
    this.#orders.delete(page)
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const { value, problem } = JSON.parse(Buffer.concat(parts).toString()) as Answer
    if (problem === undefined) order?.resolve(value)
    else order?.reject(new Error(problem))
  }
}
