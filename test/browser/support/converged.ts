/** Holds devices that have joined against their server's log, folded by code that shares nothing with the domain. */
import { expect } from 'vitest'
import type { RecordedEvent } from '../../../src/domain/recorded-event.ts'
import type { InboxRow, Receipt } from '../../../src/sync/receipt.ts'
import type { Acknowledged } from '../pages/contend.ts'
import type { SyncedPage } from '../pages/synced.ts'
import type { Remote } from './remote.ts'
import type { ServerLog } from './server-log.ts'
import { foldStock, type StockFold } from './stock-fold.ts'

/** What one device's page was told, and the page now. */
export interface Joined {
  readonly page: Remote<SyncedPage>
  readonly told: readonly Acknowledged[]
}

/** How many Commands ended how. */
export type Ends = Record<'confirmed' | 'changed' | 'refused', number>

/**
 * All devices show what the server's log comes to, and every Command that was told to have happened has ended there once, as its
 * device says. @returns how many ended how
 */
export async function expectConverged(devices: readonly Joined[], log: ServerLog): Promise<Ends> {
  const fold = foldStock(log.events)
  expect(fold.broken).toEqual([])
  const ends: Ends = { confirmed: 0, changed: 0, refused: 0 }
  for (const { page, told } of devices) {
    await untilCaughtUp(page, fold)
    await expectShownAs(page, fold)
    for (const end of await expectEnded(page, told, log)) ends[end]++
  }
  return ends
}

/** Until the page has as many rows of all kinds as the log comes to; that they are the same ones is looked at afterwards. */
async function untilCaughtUp(page: Remote<SyncedPage>, { rows }: StockFold): Promise<void> {
  const models = Object.keys(rows)
  const counts = () => Promise.all(models.map(async (model) => (await page.call('glance', model, 1)).count))
  await expect.poll(counts, { timeout: 30_000, interval: 100 }).toEqual(models.map((model) => rows[model]?.length))
  expect(await page.call('untilSync', ['upToDate'], 0)).toMatchObject({ pending: 0 })
}

/** Rows and states of the page are what the log comes to. */
async function expectShownAs(page: Remote<SyncedPage>, fold: StockFold): Promise<void> {
  const position = await page.call('position')
  for (const [model, expected] of Object.entries(fold.rows)) {
    const rows = JSON.parse(await page.call('rows', model, position)) as readonly { readonly position: number }[]
    if (model !== 'movements') expect({ model, rows }).toEqual({ model, rows: expected })
    // Positions are each log's own; their order is one.
    else expect(inOrder(rows)).toEqual(inOrder(expected as typeof rows))
  }
  for (const [aggregate, expected] of Object.entries(fold.states))
    expect(await page.call('load', aggregate, [...expected.keys()])).toEqual(
      [...expected].map(([id, { state, version }]) => ({ id, state, version })),
    )
}

const inOrder = (rows: readonly { readonly position: number }[]): readonly object[] =>
  [...rows].sort((a, b) => a.position - b.position).map(({ position: _, ...row }) => row)

async function expectEnded(
  page: Remote<SyncedPage>,
  told: readonly Acknowledged[],
  { commands, events }: ServerLog,
): Promise<readonly (keyof Ends)[]> {
  // What was refused on the device ended there; no server hears of it.
  const given = told.filter(({ outcome }) => outcome.ok)
  const processed = new Map<string, (typeof commands)[number]>()
  const twice: string[] = []
  for (const command of commands) {
    if (command.duplicateOf !== undefined || command.withdrawn) continue
    if (processed.has(command.id)) twice.push(command.id)
    processed.set(command.id, command)
  }
  expect(twice).toEqual([])
  expect(told.filter(({ outcome }) => !outcome.ok && processed.has(outcome.commandId))).toEqual([])
  expect(given.filter(({ outcome }) => !processed.has(outcome.commandId)).map(({ outcome }) => outcome.commandId)).toEqual([])

  const own = new Map<string, RecordedEvent[]>()
  for (const event of events) own.set(event.commandId, [...(own.get(event.commandId) ?? []), event])
  const expected = given.map(({ outcome }): keyof Ends => {
    const { commandId } = outcome
    if (processed.get(commandId)?.outcome.ok !== true) return 'refused'
    const now = own.get(commandId) ?? []
    const before = outcome.ok ? outcome.events : []
    return now.length === 0 || sameTexts(now.map(nameOf), before.map(nameOf)) ? 'confirmed' : 'changed'
  })
  const ids = given.map(({ outcome }) => outcome.commandId)
  const receipts = (await page.call('receipts', ids)) as readonly (Receipt | undefined)[]
  const inbox = (await page.call('inbox')) as readonly InboxRow[]
  const isReturned = new Map(inbox.map((row) => [row.commandId, row]))
  const wrong = ids.flatMap((id, i) => {
    const end = declinedOtherwise(isReturned.get(id)) ? 'changed' : expected[i]
    const row = isReturned.get(id)
    const isRight = receipts[i]?.state === end && (row?.verdict ?? 'confirmed') === end
    return isRight ? [] : [{ id, expected: end, receipt: receipts[i]?.state, inbox: row?.verdict }]
  })
  expect(wrong).toEqual([])
  // Refused for the reason that the server gave, changed to what it recorded; and nobody else's.
  for (const { commandId, refusal, now } of inbox) {
    const { outcome } = processed.get(commandId) ?? {}
    expect({ commandId, refusal }).toEqual({ commandId, refusal: outcome?.ok === false ? outcome.refusal : '' })
    expect(now.events.map(textOf)).toEqual((own.get(commandId) ?? []).map(textOf))
  }
  const mine = new Set(ids)
  expect(inbox.filter(({ commandId }) => !mine.has(commandId)).map(({ commandId }) => commandId)).toEqual([])
  return expected
}

/** An order that was declined here and there, but not for the same items: outcomes as told do not show it, the inbox does. */
const declinedOtherwise = (row: InboxRow | undefined): boolean =>
  row?.told.events[0]?.type === 'order.declined' &&
  row.now.events[0]?.type === 'order.declined' &&
  textOf(row.told.events[0]) !== textOf(row.now.events[0])

type Named = { readonly type: string; readonly aggregateId: string }
const nameOf = ({ type, aggregateId }: Named): string => `${type} ${aggregateId}`
const textOf = ({ type, aggregateId, data }: Named & { readonly data: unknown }): string => `${type} ${aggregateId} ${JSON.stringify(data)}`
const sameTexts = (a: readonly string[], b: readonly string[]): boolean => a.join('\n') === b.join('\n')
