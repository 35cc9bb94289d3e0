/**
 * Export and import of a log: newline-delimited, a header and then one record a line, in the notation of devalue (JSON that
 * also carries Dates, Maps, BigInts, undefined and binary data).
 */
import { parse, stringify } from 'devalue'
import { messageOf, OutpostError } from '../errors.ts'
import { LOG_FORMAT, type LogRecord } from '../storage/record.ts'
import type { LogStorage } from '../storage/storage.ts'
import type { Log } from '../write/log.ts'
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

/** @param from number of the last record exported so far; 0 for the header and the first page */
export async function exportPage(log: Log, app: string, from: number, now: number): Promise<{ text: string; next: number | undefined }> {
  const header: Header = { outpost: 'export', format: LOG_FORMAT, app, exportedAt: now, records: log.head.record, events: log.position }
  const records = await log.records(from, PAGE)
  const lines = records.map((record) => stringify(record))
  if (from === 0) lines.unshift(JSON.stringify(header))
  const last = records[records.length - 1]
  return {
    text: lines.map((line) => `${line}\n`).join(''),
    next: last && last.number < log.head.record ? last.number : undefined,
  }
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
  restored(position: number): Promise<void>
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
    return await (begun ?? invalid('The file is empty.')).end((position) => host.restored(position))
  } catch (error) {
    if (begun) host.giveUp()
    throw error
  }
}

async function begin(header: Header, { storage, log, alone }: ImportHost): Promise<Import> {
  if (log.head.record > 0)
    throw new OutpostError(
      'log-not-empty',
      `The log already holds ${log.head.record} records. Delete its data first, or connect with another space.`,
    )
  const beginning = new Import(header, storage)
  // Looked for once more after the mark: a tab that opens from then on sees it, one that opened before is seen.
  let isAlone = await alone()
  if (isAlone) {
    await beginning.mark(true)
    isAlone = await alone().catch(() => false)
    if (!isAlone) await beginning.mark(false)
  }
  if (isAlone) return beginning
  throw new OutpostError('log-not-empty', 'Another tab has this app open. Close all others, then import.')
}

/** One import into an empty log. What it has written counts only once it has ended. */
class Import {
  readonly #storage: LogStorage
  readonly #header: Header
  readonly #check = new RecordCheck()

  constructor(header: Header, storage: LogStorage) {
    this.#header = header
    this.#storage = storage
  }

  mark(importing: boolean): Promise<unknown> {
    return this.#storage.meta.update<boolean>(IMPORTING, () => importing || undefined, 'strict')
  }

  async page(lines: readonly string[]): Promise<void> {
    const records = lines.filter((line) => line !== '').map((line) => this.#read(line))
    if (records.length === 0) return
    if ((await this.#storage.events.append(records, 'relaxed')) === 'conflict') invalid('Another tab wrote into the log meanwhile.')
  }

  async end(restored: (position: number) => Promise<void>): Promise<{ records: number; events: number }> {
    const { records, events } = this.#check
    if (records !== this.#header.records || events !== this.#header.events)
      invalid(`The file is cut off: it holds ${records} of ${this.#header.records} records.`)
    await restored(events)
    await this.mark(false)
    return { records, events }
  }

  #read(line: string): LogRecord {
    const number = this.#check.records + 1
    let record: unknown
    try {
      record = parse(line)
    } catch (cause) {
      return invalid(`Record ${number} cannot be read: ${messageOf(cause)}.`, cause)
    }
    return this.#check.passes(record) ? record : invalid(`Record ${number} is not what an export holds there.`)
  }
}

function headerOf(line: string, app: string): Header {
  let header: Header
  try {
    header = JSON.parse(line) as Header
  } catch (cause) {
    return invalid('The file does not begin as an export does.', cause)
  }
  if (header === null || typeof header !== 'object' || header.outpost !== 'export')
    return invalid('The file does not begin as an export does.')
  if (header.app !== app) return invalid(`The file is an export of "${header.app}", not of "${app}".`)
  if (header.format > LOG_FORMAT) return invalid(`The file has format ${header.format}; this build reads up to ${LOG_FORMAT}.`)
  return header
}
