/** The page of kill, tabs and storage-full: the stock book by remote control, and the workloads that run on it. */
import { type Acknowledged, contend } from './contend.ts'
import { type Answer, control, expose, type Given, isFault } from './control.ts'
import { askCount } from './counts.ts'
import { makeOrders, openingStock, orderIds } from './order-file.ts'
import { createRandom, type Random } from '../support/random.ts'

/** What is posted to the test's server, each only after its promise has resolved. */
export type Report =
  | Acknowledged
  | { readonly kind: 'fault'; readonly command: Given; readonly fault: string; readonly message: string }
  | { readonly kind: 'imported'; readonly orders: number }

let workerName = ''
const remote = control((speed) => {
  workerName = `${speed}/${crypto.randomUUID()}`
  return new Worker(new URL('./stock.worker.ts', import.meta.url), { type: 'module', name: workerName })
})

let unsent: Report[] = []
let sending: Promise<void> | undefined
function report(news: Report): void {
  unsent.push(news)
  sending ??= send()
}
async function send(): Promise<void> {
  while (unsent.length > 0) {
    const body = JSON.stringify(unsent)
    unsent = []
    await fetch('report', { method: 'POST', body })
  }
  sending = undefined
}

const answered = (command: Given, answer: Answer): void =>
  report(isFault(answer) ? { kind: 'fault', command, ...answer } : { kind: 'acknowledged', command, outcome: answer })

const api = {
  ...remote,
  /** Appends of the worker at hand that another tab's append came before. */
  collisions: () => askCount(workerName),

  /** Gives Commands of all kinds, several at a time, until the page dies. @param run makes names that no other run uses */
  work(seed: number, run: string): void {
    const items = new Items(run)
    for (let lane = 0; lane < 3; lane++) void workLane(createRandom(seed * 31 + lane), items, `${run}-${lane}`)
  },

  /** See there; answers with all acknowledgements, as JSON. */
  contend: async (seed: number, run: string, items: readonly string[], commands: number): Promise<string> =>
    JSON.stringify(await contend(remote, seed, run, items, commands)),

  /** Imports all orders from the first one on, whatever was imported before; answers with what became of each, as JSON. */
  async importOrders(seed: number, count: number): Promise<string> {
    const orders = makeOrders(seed, count)
    const ids = orderIds(orders)
    const known = new Set<string>()
    const outcomes: string[] = []
    const chunk = 20
    for (let from = 0; from < orders.length; from += chunk) {
      const commands = orders.slice(from, from + chunk).flatMap((order, i): Given[] => {
        const fresh = order.map(({ code }) => code).filter((code) => !known.has(code))
        for (const code of fresh) known.add(code)
        const id = ids[from + i] as string
        const lines = Object.fromEntries(order.map(({ code, quantity }) => [code, quantity]))
        return [
          ...fresh.flatMap((code): Given[] => [
            { type: 'stockItem.register', aggregateId: code, payload: { name: code }, commandId: `register ${code}` },
            { type: 'stockItem.receive', aggregateId: code, payload: { quantity: openingStock }, commandId: `open ${code}` },
          ]),
          { type: 'fulfilment.placeOrder', payload: { orderId: id, lines }, commandId: `order ${id}` },
        ]
      })
      const answers = await remote.batch(commands)
      answers.forEach((answer, i) => {
        const command = commands[i] as Given
        if (isFault(answer)) return report({ kind: 'fault', command, ...answer })
        if (command.type === 'fulfilment.placeOrder') outcomes.push(answer.ok ? (answer.events[0]?.type ?? '') : answer.refusal)
      })
      report({ kind: 'imported', orders: outcomes.length })
    }
    return JSON.stringify(outcomes)
  },

  /** Gives Commands of so many bytes, one after another, until one fails; answers with the ids of the others, and that one. */
  async fill(
    run: string,
    bytes: number,
    atMost: number,
  ): Promise<{ readonly acknowledged: readonly string[]; readonly failed: Given; readonly answer: Answer }> {
    const acknowledged: string[] = []
    for (let n = 0; n < atMost; n++) {
      const command = filler(`${run}-${n}`, bytes)
      const answer = await remote.give(command)
      if (isFault(answer)) return { acknowledged, failed: command, answer }
      acknowledged.push(`${run}-${n}`)
    }
    throw new Error(`${atMost} Commands of ${bytes} bytes found space.`)
  },
  /** Gives so many orders at once, each with all of these items, and an id of so many bytes. */
  async orderAtOnce(run: string, skus: readonly string[], orders: number, bytes: number) {
    const lines = Object.fromEntries(skus.map((sku) => [sku, 1]))
    const given = Array.from({ length: orders }, (_, n): Given => {
      return { type: 'fulfilment.placeOrder', payload: { orderId: incompressible(bytes), lines }, commandId: `${run}-${n}` }
    })
    const answers = await remote.batch(given)
    return answers.map((answer, i) => ({ id: given[i]?.commandId, fault: isFault(answer) ? answer.fault : undefined }))
  },
}

export type StockPage = typeof api
expose(api)

/** Items come and go, so that there are always some whose stock runs out for the first time. */
class Items {
  readonly #run: string
  #given = 0
  constructor(run: string) {
    this.#run = run
  }
  /** @returns six items, and whether they are new */
  next(): { readonly skus: readonly string[]; readonly isNew: boolean } {
    const window = Math.floor(this.#given / 50)
    const isNew = this.#given++ % 50 === 0
    return { isNew, skus: Array.from({ length: 6 }, (_, i) => `item-${this.#run}-${window}-${i}`) }
  }
}

async function workLane(random: Random, items: Items, lane: string): Promise<void> {
  const earlier: Given[] = []
  for (let n = 0; ; n++) {
    const { skus, isNew } = items.next()
    const id = `${lane}-${n}`
    if (isNew) await batch(skus.flatMap((sku, i) => [register(sku, `${id}-r${i}`), receive(sku, 20, `${id}-o${i}`)]))
    else if (random.chance(0.15)) await batch(Array.from({ length: random.int(2, 25) }, (_, i) => step(random, skus, `${id}-${i}`)))
    else {
      // Now and then what was given before once more: it must come to the same.
      const command = random.chance(0.1) && earlier.length > 0 ? random.pick(earlier) : step(random, skus, id)
      if (command.commandId !== undefined) earlier.push(command)
      answered(command, await remote.give(command))
    }
  }
}

async function batch(commands: readonly Given[]): Promise<void> {
  const answers = await remote.batch(commands)
  answers.forEach((answer, i) => answered(commands[i] as Given, answer))
}

const register = (sku: string, commandId: string): Given => ({
  type: 'stockItem.register',
  aggregateId: sku,
  payload: { name: `name of ${sku}` },
  commandId,
})
const receive = (sku: string, quantity: number, commandId: string): Given => ({
  type: 'stockItem.receive',
  aggregateId: sku,
  payload: { quantity },
  commandId,
})

function step(random: Random, skus: readonly string[], id: string): Given {
  const kind = random.int(1, 10)
  // Half of them leave it to the client to make an id.
  const named = random.chance(0.5) ? { commandId: id } : {}
  if (kind <= 5) return { type: 'stockItem.pick', aggregateId: random.pick(skus), payload: { quantity: random.int(1, 6) }, ...named }
  if (kind <= 6) return { type: 'stockItem.receive', aggregateId: random.pick(skus), payload: { quantity: random.int(1, 6) }, ...named }
  if (kind <= 7) return { type: 'stockItem.register', aggregateId: random.pick(skus), payload: { name: 'again' }, ...named }
  const lines = Object.fromEntries(Array.from({ length: random.int(1, 4) }, () => [random.pick(skus), random.int(1, 4)]))
  return { type: 'fulfilment.placeOrder', payload: { orderId: `order-${id}`, lines }, ...named }
}

const filler = (id: string, bytes: number): Given => ({
  type: 'stockItem.register',
  aggregateId: id,
  payload: { name: incompressible(bytes) },
  commandId: id,
})

/** Text of so many bytes that no storage makes smaller. */
function incompressible(bytes: number): string {
  const random = new Uint8Array(bytes)
  for (let from = 0; from < bytes; from += 65_536) crypto.getRandomValues(random.subarray(from, from + 65_536))
  // One byte a character in structured clones.
  return Array.from({ length: bytes / 4096 }, (_, i) => String.fromCharCode(...random.subarray(i * 4096, (i + 1) * 4096))).join('')
}
