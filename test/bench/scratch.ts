/** Everything temporary of a run lies in one folder, which goes with it: at its end, and where it is interrupted. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

const endings: (() => void)[] = []

/** Call it once, before anything is made. Browsers and builds that begin from now on put what they need there too. */
export function makeScratch(): void {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-run-'))
  // PostgreSQL runs as another user, and has its folder in here.
  chmodSync(folder, 0o711)
  // Each system has a name of its own for it.
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) process.env[name] = folder
  const tidyUp = (): void => {
    for (const end of endings) end()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  process.on('exit', tidyUp)
  // Without a listener a signal ends the process at once, and nobody tidies up.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      // Behind those who end browsers then: what still runs still writes.
      process.off('exit', tidyUp).on('exit', tidyUp)
      process.exit(128 + constants.signals[signal])
    })
  }
}

/** At the process's end, in whatever way it comes to it. It cannot wait for anything. */
export const atEnd = (work: () => void): void => void endings.unshift(work)
