/** The import itself: a file's lines become Commands, given in portions, in the order of the file. */
import type { App } from 'outpost/client'
import type { stockroom } from '../domain/domain.ts'
import { listedAtMost, noProgress, type ImportProgress, type StockOptions } from './import-job.ts'
import { orderIds, placeCommandId, registerCommandId } from './order-ids.ts'
import { parseOrder, type ParsedOrder } from './parse-order.ts'
import { openBytes, piecesOf, readLines } from './read-lines.ts'

export interface RunOptions {
  readonly stock: StockOptions
  readonly batch?: string | undefined
  /** Stops after the portions under way. */
  readonly signal: AbortSignal
  /** Told after each portion. */
  readonly onProgress: (progress: ImportProgress) => void
}

type Order = Extract<ParsedOrder, { kind: 'order' }> & { readonly line: number }

// A portion is short enough to cancel at once, and long enough that crossing to the worker does not count. Orders of this
// trade hold 1 to 700 codes, so codes bound it too. With three under way the worker never waits for the page.
const ordersAPortion = 100
const codesAPortion = 2000
const portionsUnderWay = 3

const longestSliceMs = 12

/** Lets the page draw and answer, when enough time has gone by since it last could. */
function breather(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < longestSliceMs) return undefined
    return new Promise((resolve) => {
      setTimeout(() => {
        since = performance.now()
        resolve()
      })
    })
  }
}

async function countLines(file: Blob, signal: AbortSignal): Promise<number> {
  const breathe = breather()
  let count = 0
  for await (const { text } of readLines(piecesOf(await openBytes(file)))) {
    if (text.trim() !== '') count++
    await breathe()
    if (signal.aborted) break
  }
  return count
}

/** Things done a second, over the last five seconds. */
function rateMeter(): (done: number) => number {
  const samples: { readonly at: number; readonly done: number }[] = [{ at: performance.now(), done: 0 }]
  return (done) => {
    const now = performance.now()
    samples.push({ at: now, done })
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > 5000) samples.shift()
    const first = samples[0]
    return first === undefined || now === first.at ? 0 : ((done - first.done) * 1000) / (now - first.at)
  }
}

/**
 * Imports a file of orders. Given again, wholly or after having been broken off, it changes nothing that is done already.
 *
 * @throws where a Command could not be carried out: no space left, the worker lost. What was done stays.
 */
export async function runImport(
  app: App<typeof stockroom>,
  file: Blob,
  { stock, batch, signal, onProgress }: RunOptions,
): Promise<ImportProgress> {
  // The figures count every Event, so theirs is the position of the log.
  const before = (await app.read.figures.get('warehouse'))?.position ?? 0
  let progress: ImportProgress = { ...noProgress, total: await countLines(file, signal), position: before }
  let failure: Error | undefined
  const idsOf = orderIds(batch)
  const registered = new Set<string>()
  const underWay: Promise<void>[] = []
  const breathe = breather()
  const rate = rateMeter()
  let portion: Order[] = []
  let codes = 0

  const advance = (change: Partial<ImportProgress>): void => {
    progress = { ...progress, ...change }
    onProgress({ ...progress, rate: rate(progress.done) })
  }
  const report = (line: number, text: string, problem: string): void => {
    const listed = progress.malformedLines
    const malformedLines = listed.length < listedAtMost ? [...listed, { line, text: text.slice(0, 200), problem }] : listed
    progress = { ...progress, malformed: progress.malformed + 1, done: progress.done + 1, malformedLines }
  }

  const give = async (orders: readonly Order[]): Promise<void> => {
    const ids = await idsOf(orders.map((order) => order.content))
    const fresh = new Set(orders.flatMap((order) => order.lines.map((line) => line.sku)).filter((sku) => !registered.has(sku)))
    for (const sku of fresh) registered.add(sku)
    const given = app.commands.batch(({ stockItem, fulfilment }) => [
      ...Array.from(fresh, (sku) => stockItem.register(sku, { name: sku, ...stock }, { commandId: registerCommandId(sku) })),
      ...orders.map(({ lines }, index) => {
        const orderId = ids[index] as string
        return fulfilment.placeOrder({ orderId, lines: [...lines] }, { commandId: placeCommandId(orderId) })
      }),
    ])
    const settled = given.then(
      (outcomes) => {
        const declinedHere: { line: number; orderId: string }[] = []
        let { placed, declined, known, position } = progress
        for (const [index, outcome] of outcomes.entries()) {
          const order = orders[index - fresh.size]
          if ('fault' in outcome) {
            failure ??= outcome.fault
            return
          }
          if (!outcome.ok) {
            failure ??= new Error(`${order ? `The order of line ${order.line}` : 'A new code'} was refused: ${outcome.refusal}.`)
            return
          }
          position = Math.max(position, outcome.position)
          if (order === undefined) continue
          if (outcome.position <= before) known++
          if (outcome.events.some((event) => event.type === 'order.declined')) {
            declined++
            declinedHere.push({ line: order.line, orderId: ids[index - fresh.size] as string })
          } else placed++
        }
        const declinedOrders = [...progress.declinedOrders, ...declinedHere].slice(0, listedAtMost)
        advance({ placed, declined, known, position, declinedOrders, done: progress.done + orders.length })
      },
      (error: unknown) => {
        failure ??= error instanceof Error ? error : new Error(String(error))
      },
    )
    underWay.push(settled)
    if (underWay.length >= portionsUnderWay) await underWay.shift()
  }

  onProgress(progress)
  for await (const { number, text } of readLines(piecesOf(await openBytes(file)))) {
    if (signal.aborted || failure !== undefined) break
    const parsed = parseOrder(text)
    if (parsed.kind === 'malformed') report(number, text, parsed.problem)
    if (parsed.kind === 'order') {
      portion.push({ ...parsed, line: number })
      codes += parsed.lines.length
    }
    if (portion.length >= ordersAPortion || codes >= codesAPortion) {
      await give(portion)
      portion = []
      codes = 0
    }
    await breathe()
  }
  if (portion.length > 0 && !signal.aborted && failure === undefined) await give(portion)
  await Promise.all(underWay)
  if (failure !== undefined) throw failure
  advance({})
  return progress
}
