/**
 * Group commit over all clients of a space: whatever waits when the last commit is through is processed in order, each Command
 * seeing those before it, and appended in one transaction, together with how far each client has come.
 *
 * If another process wrote first, the append is refused, its records are folded, and everything is looked at again: what was
 * processed there is answered with its outcome, the rest is decided on the new state.
 */
import type { Outcome } from '../domain/infer.ts'
import { OutpostError } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { Undecided } from '../write/decide.ts'
import type { Decider } from '../write/decider.ts'
import type { Log } from '../write/log.ts'
import { outcomeOf } from '../write/receipts.ts'
import { recordsOf, type RecordOptions } from '../write/records.ts'
import { UnitOfWork, type Attempt } from '../write/unit-of-work.ts'
import { placeKey, type ClientPlace, type ClientPlaces, type StoredPlace } from './client-places.ts'
import { commandAt, firstAcceptedOf, firstOf, type ProcessedAt, type ProcessedCommands } from './processed.ts'
import { fork, gap, notYours, type Processed, type Pusher, type PushResult } from './push-result.ts'
import { closed, isStorageFault, type RootDecider } from './root-decider.ts'
import type { Root } from './root.ts'
import { unavailable } from './sync-fault.ts'

/** Decided at most so long before a commit, so that those first in line do not wait for all behind them. */
const SLICE_MS = 16
/** Commands in a commit. */
const MAX_BATCH = 512
/** Pushes in a commit. */
const MAX_TOGETHER = 256

export interface PushQueueOptions extends RecordOptions {
  readonly log: Log
  readonly decider: Decider
  readonly roots: RootDecider
  readonly places: ClientPlaces
  readonly processed: ProcessedCommands
  readonly clock: () => number
  /** Resolves when saved states are usable. */
  readonly ready: Promise<void>
}

/** Roots of one client in order, or one of the server's own. */
interface Job {
  readonly pusher: Pusher | undefined
  readonly roots: readonly Root[]
  readonly processed: Processed[]
  readonly settle: (result: PushResult) => void
  readonly fail: (error: unknown) => void
}

/** What came of a job in the commit that is being made. */
interface Draft {
  readonly job: Job
  readonly answers: (Processed | { readonly root: Root; readonly attempt: Attempt })[]
  /** Nothing behind it is processed: it is held, or was no valid push. */
  end?: { readonly held: PushResult['held'] } | { readonly fault: unknown }
}

type Next = Draft['answers'][number] | Required<Draft>['end'] | 'later'

/** One try of a commit. */
interface Trial {
  readonly from: number
  readonly work: UnitOfWork
  readonly found: ReadonlyMap<string, readonly ProcessedAt[]>
  /** Ids that were looked for: of no other is it known whether it stands in the log. */
  readonly asked: ReadonlySet<string>
  readonly places: Map<string, ClientPlace & { readonly pusher: Pusher; readonly attempt: Attempt; waiting: number }>
}

export class PushQueue {
  readonly #options: PushQueueOptions
  #waiting: Job[] = []
  #running: Promise<void> | undefined
  #closed = false
  /** One push whose values storage cannot take fails all that are committed with it: after a failure each comes alone, for a while. */
  #together = MAX_TOGETHER

  constructor(options: PushQueueOptions) {
    this.#options = options
  }

  get isBusy(): boolean {
    return this.#running !== undefined
  }

  /**
   * Processes a client's roots, in order; what is processed already is answered with its outcome.
   *
   * @throws SyncFault `fork`, `gap`, `forbidden`: those before it are processed all the same; `unavailable`
   */
  push(pusher: Pusher, roots: readonly Root[]): Promise<PushResult> {
    return this.#submit(pusher, roots)
  }

  /** Processes a root of the server's own. @throws its fault */
  async give(command: Undecided): Promise<Outcome> {
    const { processed } = await this.#submit(undefined, [{ kind: 'own', sequence: 0, id: command.id, command }])
    const { record, index } = processed[0] as Processed
    return outcomeOf(record, index)
  }

  /** Finishes the commit under way; what still waits is not processed. */
  async close(): Promise<void> {
    this.#closed = true
    for (const job of this.#waiting.splice(0)) this.#refuse(job)
    await this.#running
  }

  #submit(pusher: Pusher | undefined, roots: readonly Root[]): Promise<PushResult> {
    return new Promise((settle, fail) => {
      const job: Job = { pusher, roots, processed: [], settle, fail }
      if (this.#closed) return this.#refuse(job)
      this.#waiting.push(job)
      this.#running ??= this.#drain()
    })
  }

  #refuse({ pusher, fail }: Job): void {
    fail(pusher ? unavailable('The server is shutting down.') : new OutpostError('closed', 'The space was closed.'))
  }

  async #drain(): Promise<void> {
    await Promise.resolve() // what comes in the same tick is one batch
    try {
      await this.#options.ready
      while (this.#waiting.length > 0) await this.#options.log.turn(() => this.#commit())
    } catch (error) {
      for (const job of this.#waiting.splice(0)) job.fail(error)
    } finally {
      this.#running = undefined
    }
  }

  async #commit(): Promise<void> {
    const jobs = this.#waiting.slice(0, this.#together)
    try {
      let ended: ReadonlySet<Job> | 'again'
      do ended = await this.#tryCommit(jobs)
      while (ended === 'again')
      const done = ended
      this.#waiting = this.#waiting.filter((job) => !done.has(job))
      this.#together = Math.min(MAX_TOGETHER, this.#together * 2)
    } catch (error) {
      this.#waiting = this.#waiting.filter((job) => !jobs.includes(job))
      for (const job of jobs) job.fail(error)
      this.#together = 1
    }
  }

  async #tryCommit(jobs: readonly Job[]): Promise<ReadonlySet<Job> | 'again'> {
    const { log, clock } = this.#options
    const trial: Trial = {
      from: log.head.record,
      work: new UnitOfWork(log.position),
      ...(await this.#lookUp(jobs)),
      places: new Map(),
    }
    const deadline = clock() + SLICE_MS
    const drafts: Draft[] = []
    for (const job of jobs) {
      const draft: Draft = { job, answers: [] }
      drafts.push(draft)
      if (!(await this.#draft(draft, trial, deadline))) return 'again'
      if (isFull(trial.work) || (trial.work.attempts.length > 0 && clock() > deadline)) break
    }
    return this.#append(trial, drafts)
  }

  /** Finds those that stand in the log, and loads what the others will need, in one read for each kind. */
  async #lookUp(jobs: readonly Job[]): Promise<Pick<Trial, 'found' | 'asked'>> {
    const { decider, processed } = this.#options
    const roots = jobs.flatMap((job) => job.roots.slice(job.processed.length, job.processed.length + MAX_BATCH)).slice(0, MAX_BATCH)
    const asked = new Set(roots.map(({ id }) => id))
    const found = await processed.find([...asked])
    const wanted = decider.wanted(roots.flatMap((root) => (root.kind === 'command' && !found.has(root.id) ? [root.command] : [])))
    await Promise.all([...wanted].map(([states, keys]) => states.load(keys)))
    return { found, asked }
  }

  /** @returns false where the head has moved: everything must be looked at again */
  async #draft(draft: Draft, trial: Trial, deadline: number): Promise<boolean> {
    const { log, clock } = this.#options
    const { job, answers } = draft
    for (const root of job.roots.slice(job.processed.length)) {
      if (isFull(trial.work) || (trial.work.attempts.length > 0 && clock() > deadline)) return true
      // What is known already, or comes to nothing, fills no commit: so more may be reached than was looked for.
      if (!trial.asked.has(root.id)) return true
      const next = await this.#next(root, job, trial)
      if (log.head.record !== trial.from) return false
      if (next === 'later') return true
      if (!('root' in next)) {
        draft.end = next
        return true
      }
      answers.push(next)
      if (!job.pusher || !('attempt' in next)) continue
      trial.places.set(job.pusher.clientId, {
        principal: job.pusher.principal,
        sequence: root.sequence,
        commandId: root.id,
        pusher: job.pusher,
        attempt: next.attempt,
        waiting: job.pusher.waiting + job.roots.length - job.processed.length - answers.length,
      })
    }
    return true
  }

  async #next(root: Root, { pusher }: Job, trial: Trial): Promise<Next> {
    const places = trial.found.get(root.id)
    if (pusher) {
      const known = await this.#known(root, pusher, trial)
      if (known) return known
    }
    // Its twin gets its place in this commit: the next one finds it in the log.
    if (trial.work.ids.has(root.id)) return 'later'
    const first = root.kind === 'command' || root.kind === 'refused' || root.kind === 'held' ? firstOf(places) : firstAcceptedOf(places)
    if (root.kind === 'own' && first) return { ...first, root }
    if (root.kind !== 'own' && root.kind !== 'withdrawn' && first) return { root, attempt: duplicate(root, first, trial.work) }
    try {
      const ruling = await this.#options.roots.decide(root, trial.work)
      return ruling === 'held' ? { held: { sequence: root.sequence, type: heldType(root) } } : { root, attempt: ruling }
    } catch (fault) {
      if (isStorageFault(fault)) throw fault
      return { fault }
    }
  }

  /** Whether the root comes in its client's order: undefined where it is the next one. */
  async #known(root: Root, { clientId, principal }: Pusher, trial: Trial): Promise<Next | undefined> {
    const { places, log } = this.#options
    const place = trial.places.get(clientId) ?? (await places.of(clientId))
    if (log.head.record !== trial.from) return 'later'
    if (place && place.principal !== principal) return { fault: notYours() }
    const last = place?.sequence ?? 0
    if (root.sequence === last + 1) return undefined
    if (root.sequence <= last) {
      const known = trial.found.get(root.id)?.find((at) => {
        const origin = commandAt(at).origin
        return origin?.clientId === clientId && origin.sequence === root.sequence
      })
      if (known) return { ...known, root }
      if (trial.places.has(clientId)) return 'later'
      const commandId = root.sequence === last ? place?.commandId : undefined
      return { fault: fork(root, commandId) }
    }
    await log.pull() // another process may have those before it
    return { fault: gap(root, last + 1) }
  }

  async #append({ work, places }: Trial, drafts: readonly Draft[]): Promise<ReadonlySet<Job> | 'again'> {
    const { log } = this.#options
    if (work.attempts.length > 0) {
      const records = recordsOf(work, { record: log.head.record, position: log.position }, this.#options)
      const meta = new Map(
        [...places].map(([clientId, { principal, sequence, commandId, attempt, waiting, pusher }]): [string, StoredPlace] => [
          placeKey(clientId),
          {
            principal,
            sequence,
            commandId,
            record: (attempt.place as ProcessedAt).record.number,
            waiting,
            heardAt: pusher.receivedAt,
          },
        ]),
      )
      const last = (records.at(-1) as LogRecord).number
      const appended = await log.append(records, 'strict', () => work.putStates(last, 'confirmed'), meta)
      if (appended === 'conflict') return 'again'
    }
    return this.#answer(drafts)
  }

  /** @returns the jobs that are answered */
  #answer(drafts: readonly Draft[]): ReadonlySet<Job> {
    const answered = new Set<Job>()
    for (const { job, answers, end } of drafts) {
      for (const answer of answers)
        job.processed.push('attempt' in answer ? { root: answer.root, ...(answer.attempt.place as ProcessedAt) } : answer)
      if (!end && job.processed.length < job.roots.length) continue
      answered.add(job)
      if (end && 'fault' in end) job.fail(end.fault)
      else job.settle({ processed: job.processed, held: end?.held ?? null })
    }
    return answered
  }
}

const isFull = (work: UnitOfWork): boolean => work.attempts.length >= MAX_BATCH

function duplicate(root: Exclude<Root, { kind: 'own' }>, first: ProcessedAt, work: UnitOfWork): Attempt {
  return closed({ ...root.stored, outcome: commandAt(first).outcome, duplicateOf: first.record.number }, work)
}

const heldType = (root: Root): string =>
  root.kind === 'held' ? root.type : root.kind === 'own' || root.kind === 'withdrawn' ? '' : root.stored.type
