/** What an engine gives of its inside to who extends it: sync. */
import type { Observable } from 'rxjs'
import type { LogStorage } from '../storage/storage.ts'
import type { Outcome } from '../domain/infer.ts'
import type { Undecided } from '../write/decide.ts'
import type { Receipts } from '../write/receipts.ts'
import type { Decoder } from '../write/decode.ts'
import type { Decider } from '../write/decider.ts'
import type { Log } from '../write/log.ts'
import type { LogIndex } from '../write/log-index.ts'
import type { RecordOptions } from '../write/records.ts'
import type { States } from '../write/states.ts'

export interface EngineInside extends RecordOptions {
  readonly log: Log
  readonly storage: Pick<LogStorage, 'meta'>
  /** Of all folds. */
  readonly states: readonly States[]
  readonly decider: Decider
  readonly decoder: Decoder
  readonly index: LogIndex
  readonly receipts: Receipts
  /** Gives a root Command that may have been given before. */
  readonly dispatch: (command: Undecided) => Promise<Outcome>
  readonly recorded$: Observable<unknown>
  /** Resolves when saved states are usable. */
  readonly ready: Promise<void>
  readonly logEpoch: string
  readonly principal: string
}
