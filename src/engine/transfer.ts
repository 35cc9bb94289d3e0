/**
 * Export and import of a log: newline-delimited, a header and then one record a line, packed (JSON that also carries Dates,
 * Maps, BigInts, undefined and binary data, see `internal/pack.ts`).
 */
// In this order because gzip finds more in it (`npm run size`).
import { messageOf, OutpostError } from '../errors.ts'
import { LOG_FORMAT, type LogRecord } from '../storage/record.ts'
import type { LogStorage } from '../storage/storage.ts'
import type { Log } from '../write/log.ts'
import type { Tail } from '../write/tail.ts'
import type { ExportPage, ExportPlace } from './engine.ts'
import { exportedRecord } from './exported-record.ts'
import { pack, unpack } from '../internal/pack.ts'
import { RecordCheck } from './record-check.ts'

const PAGE = 64
/** Marks a log that is being imported into; one that is found so was given up half-way. */
export const IMPORTING = 'importing'

interface Header {
  readonly outpost: 'export'
  readonly format: number
  readonly app: string
  readonly exportedAt: number
  readonly records: number
  readonly events: number
}

/** @param from undefined for the header and the first page */
export async function exportPage(log: Log, app: string, from: ExportPlace | undefined, now: number): Promise<ExportPage> {
  // All of it as of the first page: what is recorded, or made void, from then on is no part of it.
  const place = from ?? { after: 0, events: 0, until: log.head.record, voids: log.tail.voids.length }
  const { after, until, voids } = place
  const tail = log.tail.withVoids(voids)
  const records: LogRecord[] = []
  let { events } = place
  for (const record of await log.records(after, Math.min(PAGE, until - after))) {
    const exported = exportedRecord(tail, record, events + 1)
    events += exported.events.length
    records.push(exported)
  }
  const lines = records.map(pack)
  if (!from) {
    const header: Header = {
      outpost: 'export',
      format: LOG_FORMAT,
      app,
      exportedAt: now,
      records: until,
      events: voids === 0 ? log.position : await countEvents(log, tail, until),
    }
    lines.unshift(JSON.stringify(header))
  }
  const last = records[records.length - 1]
  return {
    text: lines.map((line) => `${line}\n`).join(''),
    next: last && last.number < until ? { after: last.number, events, until, voids } : undefined,
  }
}

async function countEvents(log: Log, tail: Tail, until: number): Promise<number> {
  let events = 0
  for await (const page of log.pages(0, until)) for (const record of page) events += exportedRecord(tail, record, 1).events.length
  return events
}

const invalid = (what: string, cause?: unknown): never => {
  throw new OutpostError('invalid-import', `${what} Nothing was kept; choose an export of this app.`, {}, cause)
}

export interface ImportHost {
  readonly app: string
  readonly storage: LogStorage
  readonly log: Log
  /** True where no other tab has the log open. */
  alone(): Promise<boolean>
  /** @throws where it must not go on */
  goOn(): void
  /** Runs once all is there and before it counts. */
  restored(record: number, position: number): Promise<void>
  /** It fails after something was written: that must go, before anybody builds on it. */
  giveUp(): void
}

/**
 * Takes an export's lines into an empty log, the header first. Within a turn of the log, which does not move by it.
 *
 * @throws `log-not-empty`, `invalid-import`, and what the pages or the storage throw
 */
export async function importInto(pages: AsyncIterable<readonly string[]>, host: ImportHost): Promise<{ records: number; events: number }> {
  let begun: Import | undefined
  try {
    for await (const page of pages) {
      host.goOn()
      const [header = '', ...lines] = page
      if (begun) await begun.page(page)
      else {
        begun = await begin(headerOf(header, host.app), host)
        await begun.page(lines)
      }
    }
    return await (begun ?? invalid('The file is empty.')).end()
  } catch (error) {
    if (begun) host.giveUp()
    throw error
  }
}

async function begin(header: Header, host: ImportHost): Promise<Import> {
  const { log, alone } = host
  const offset = await emptyRecords(log)
  if (offset === undefined)
    throw new OutpostError('log-not-empty', `The log holds ${log.head.record} records. Delete its data or take another space.`)
  const beginning = new Import(header, host, offset)
  // Looked for once more after the mark: a tab that opens from then on sees it, one that opened before is seen.
  if (await alone()) {
    await beginning.mark(true)
    try {
      // What a tab wrote that has been closed since may not have been heard of.
      if ((await alone()) && (await emptyRecords(log)) === offset) return beginning
    } catch (error) {
      await beginning.mark(false)
      throw error
    }
    await beginning.mark(false)
  }
  throw new OutpostError('log-not-empty', 'Another tab has this app open. Close the other tabs.')
}

/** How many records the log has, where none holds anything: one that has joined a server has such. Undefined where it is not empty. */
async function emptyRecords(log: Log): Promise<number | undefined> {
  await log.pull()
  if (log.position > 0) return undefined
  for await (const page of log.pages(0)) if (page.some(({ commands }) => commands.length > 0)) return undefined
  return log.head.record
}

/** One import into an empty log. What it has written counts only once it has ended. */
class Import {
  readonly #host: ImportHost
  readonly #header: Header
  readonly #offset: number
  readonly #check = new RecordCheck()

  /** @param offset records that stand before its first one */
  constructor(header: Header, host: ImportHost, offset: number) {
    this.#header = header
    this.#host = host
    this.#offset = offset
  }

  mark(importing: boolean): Promise<unknown> {
    return this.#host.storage.meta.update<boolean>(IMPORTING, () => importing || undefined, 'strict')
  }

  async page(lines: readonly string[]): Promise<void> {
    const records = lines.filter((line) => line !== '').map((line) => this.#read(line))
    if (records.length === 0) return
    if ((await this.#host.storage.events.append(records, 'relaxed')) === 'conflict') invalid('Another tab wrote meanwhile.')
  }

  async end(): Promise<{ records: number; events: number }> {
    const { records, events } = this.#check
    if (records !== this.#header.records || events !== this.#header.events)
      invalid(`The file ends after ${records} of ${this.#header.records} records.`)
    await this.#host.restored(this.#offset + records, events)
    await this.mark(false)
    return { records, events }
  }

  #read(line: string): LogRecord {
    const number = this.#check.records + 1
    let record: unknown
    try {
      record = unpack(line)
    } catch (cause) {
      return invalid(`Record ${number} cannot be read: ${messageOf(cause)}.`, cause)
    }
    return this.#check.passes(record)
      ? { ...record, number: record.number + this.#offset }
      : invalid(`Record ${number} is not what an export holds there.`)
  }
}

function headerOf(line: string, app: string): Header {
  let header: Header | null = null
  let cause: unknown
  try {
    header = JSON.parse(line) as Header | null
  } catch (error) {
    cause = error
  }
  if (header?.outpost !== 'export') return invalid('The file does not begin as an export does.', cause)
  if (header.app !== app) return invalid(`The file is an export of "${header.app}", not of "${app}".`)
  if (header.format > LOG_FORMAT) return invalid('The file is of a newer build. Load the newer app.')
  return header
}
