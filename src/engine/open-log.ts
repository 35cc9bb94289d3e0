/** Opens one log's database: names it, makes it where there is none, refuses what a newer build made. */
import { newerBuild, OutpostError } from '../errors.ts'
import { LOG_FORMAT } from '../storage/record.ts'
import type { LogStorage, Storage } from '../storage/storage.ts'
import type { Environment } from './engine.ts'
import { IMPORTING } from './transfer.ts'

/** What stands under `log` in the log's meta. */
export interface LogMeta {
  readonly epoch: string
  readonly format: number
  readonly createdAt: number
}

/** `«app».«space».«principal»`, safe against dots in its parts. */
export const databasePrefix = (...parts: readonly string[]): string =>
  parts
    .map((part) => {
      try {
        return encodeURIComponent(part).replaceAll('.', '%2E')
      } catch (cause) {
        const text = JSON.stringify(part)
        throw new OutpostError('unsupported', `${text} names no app, space or principal: it is no well-formed text.`, {}, cause)
      }
    })
    .join('.')

/** @throws `storage-newer`; `log-not-empty` while another tab is importing */
export async function openLog(
  storage: Storage,
  name: string,
  environment: Environment,
): Promise<{ logStorage: LogStorage; meta: LogMeta }> {
  const logStorage = await storage.openLog(name)
  try {
    const [importing, found] = await Promise.all([logStorage.meta.get(IMPORTING), logStorage.meta.get('log')])
    if (importing === true) {
      // An import that still runs in another tab ends before this does; one that was given up has left only rubbish.
      if (!(await environment.alone()))
        throw new OutpostError('log-not-empty', 'Another tab imports into this app. Reload when it is done.')
      logStorage.close()
      await storage.destroy(name)
      return await openLog(storage, name, environment)
    }
    const meta = (found ??
      (await logStorage.meta.update<LogMeta>(
        'log',
        (stored) => stored ?? { epoch: environment.randomId(), format: LOG_FORMAT, createdAt: environment.now() },
      ))) as LogMeta
    if (meta.format > LOG_FORMAT) throw newerBuild(`The log "${name}"`, { format: meta.format })
    return { logStorage, meta }
  } catch (error) {
    logStorage.close()
    throw error
  }
}
