/** A tab: it starts a worker, starts another one when that dies, and sends again what that one had not answered. */
import { isOutpostError } from '../../errors.ts'
import type { Outcome } from '../../domain/infer.ts'
import type { QueryDescription } from '../../domain/query.ts'
import type { CommandMessage } from '../../engine/engine.ts'
import type { Row } from '../../storage/storage.ts'
import { CrashPoints } from './crash-points.ts'
import type { Device } from './device.ts'
import { Process } from './process.ts'
import { processStorage } from './process-storage.ts'
import { startWorker, type Worker } from './worker.ts'

export interface Frame {
  readonly rows: readonly Row[]
  /** True where the Read Model was being built anew: what is confirmed, as far as it was folded. */
  readonly stale: boolean
}

/** What was shown of a Read Model between two deaths of a tab's worker. */
export interface Shown {
  readonly model: string
  /** Which life of the device's log that was: it begins anew where power was lost. */
  readonly life: number
  readonly frames: Frame[]
}

interface Asked {
  readonly message: CommandMessage
  readonly settle: (outcome: Promise<Outcome>) => void
  /** To some worker, which may have decided it before it died. */
  isSent: boolean
}

/** A dead worker is noticed, and another one started, after so long. */
const respawnMs = 500

export class Tab {
  readonly name: string
  readonly points = new CrashPoints()
  readonly shown: Shown[] = []
  readonly #device: Device
  readonly #unanswered = new Map<string, Asked>()
  #process: Process | undefined
  #worker: Worker | undefined
  #isOpen = false
  #isHidden = false
  #starts = 0
  #cancelRespawn: (() => void) | undefined
  #network: ((online: boolean) => void) | undefined

  constructor(device: Device, name: string) {
    this.#device = device
    this.name = name
  }

  /** undefined while it is not up. */
  get worker(): Worker | undefined {
    return this.#process?.isFrozen ? undefined : this.#worker
  }
  get isOpen(): boolean {
    return this.#isOpen
  }
  get unanswered(): number {
    return this.#unanswered.size
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#start()
  }

  /** As a user closes it: the worker has its time to finish. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#cancelRespawn?.()
    const process = this.#process
    process?.thaw()
    // Nobody would be there to thaw it again.
    this.points.disarm('freeze')
    const { session } = this.#worker ?? {}
    if (session && process)
      await new Promise<void>((resolve) => {
        process.onKilled(resolve)
        session.close().then(resolve, (thrown: unknown) => {
          this.#device.report(this, thrown)
          resolve()
        })
      })
    this.#end()
  }

  /** The worker dies. @param reopens whether the tab lives, and starts another one */
  crash(reopens = true): void {
    this.#isOpen &&= reopens
    if (!reopens) this.#cancelRespawn?.()
    this.#end()
  }

  hide(): void {
    this.#isHidden = true
    this.#worker?.sync.setVisible(false)
  }
  show(): void {
    this.#isHidden = false
    this.#process?.thaw()
    this.#process?.deliver(() => this.#worker?.session.receive({ kind: 'resumed', hidden: false }))
  }
  freeze(): void {
    this.#isHidden = true
    this.#process?.deliver(() => this.#worker?.sync.setVisible(false))
    this.#process?.freeze()
  }
  tellNetwork(online: boolean): void {
    this.#process?.deliver(() => this.#network?.(online))
  }
  get isFrozen(): boolean {
    return this.#process?.isFrozen === true
  }
  get isHidden(): boolean {
    return this.#isHidden
  }
  isProcess(process: Process | undefined): boolean {
    return process !== undefined && process === this.#process
  }

  /** The promise outlives deaths of the worker: a Command that was not answered is given to the next one, under its id. */
  give(message: CommandMessage): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: Promise<Outcome>): void => {
        this.#unanswered.delete(message.id)
        outcome.then(resolve, reject)
      }
      this.#unanswered.set(message.id, { message, settle, isSent: false })
      const process = this.#process
      if (process && this.#worker) process.deliver(() => this.#send(message.id))
    })
  }

  #send(id: string): void {
    const asked = this.#unanswered.get(id)
    if (!asked || !this.#worker) return
    const message = asked.isSent ? { ...asked.message, fresh: false } : asked.message
    asked.isSent = true
    const [outcome] = this.#worker.engine.dispatch([message])
    const settle = (): void => asked.settle(outcome as Promise<Outcome>)
    outcome?.then(settle, settle)
  }

  #start(): void {
    const { clock } = this.#device.world
    const seen = (what: string): void => this.#device.seen(this, what)
    const process = new Process(clock)
    const name = `${this.#device.name} ${this.name}, start ${++this.#starts}`
    const random = this.#device.random.branch(name)
    this.#process = process
    process.onKilled(() => {
      if (this.#process !== process) return
      seen('worker death')
      this.#worker = undefined
      this.#network = undefined
      if (this.#isOpen) this.#cancelRespawn = clock.later(respawnMs, () => this.#start())
    })
    const { disk } = this.#device
    const storage = processStorage({ process, disk, random, points: this.points, isServer: false, seen })
    const report = (thrown: unknown): void => {
      if (!process.isDead) this.#device.report(this, thrown)
    }
    const starting = startWorker({
      ...this.#device.place,
      process,
      storage,
      random,
      report,
      fetch: this.#device.link.of(process),
      onNetwork: (changed) => {
        this.#network = changed
        return () => (this.#network = undefined)
      },
    })
    starting.then(
      (worker) => process.deliver(() => this.#started(worker)),
      (thrown: unknown) => {
        report(thrown)
        process.kill()
      },
    )
  }

  #started(worker: Worker): void {
    this.#worker = worker
    if (this.#isHidden) worker.sync.setVisible(false)
    for (const id of [...this.#unanswered.keys()]) this.#send(id)
    for (const model of this.#device.world.watched) this.#watch(worker, model)
  }

  #watch(worker: Worker, model: string): void {
    const { engine } = worker
    const shown: Shown = { model, life: this.#device.life, frames: [] }
    this.shown.push(shown)
    const process = this.#process
    const watching = engine.watch(allRows(model), () => take())
    let take = (): void => undefined
    watching.then(
      (query) => {
        take = () => {
          // A page hears nothing of a worker that is gone.
          if (process?.isDead) return
          const { data, stale } = query.snapshot
          shown.frames.push({ rows: data as readonly Row[], stale })
        }
        process?.deliver(take)
      },
      (thrown: unknown) => {
        // Another tab that stands still may keep the rows from being opened: then this is to be asked again.
        if (isOutpostError(thrown, 'timeout') && !process?.isDead) return this.#watch(worker, model)
        // Closed under it: nobody watches any more.
        if (this.#isOpen || !isOutpostError(thrown, 'closed')) this.#device.report(this, thrown)
      },
    )
  }

  #end(): void {
    const process = this.#process
    if (!this.#isOpen) this.#process = undefined
    this.#worker = undefined
    process?.kill()
  }
}

export const allRows = (model: string): QueryDescription => ({ kind: 'rows', model, where: {}, filter: {}, orderBy: [], result: 'all' })
