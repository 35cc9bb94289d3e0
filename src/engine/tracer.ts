/** Makes of a Command's trip the eleven spans that `trace$` tells; measures nothing while nobody listens. */
import { type Observable, Subject } from 'rxjs'
import type { Trip } from '../write/command-queue.ts'
import type { Undecided } from '../write/decide.ts'
import { steps, type CommandTrace, type Span } from './trace.ts'

export interface TracerOptions {
  readonly clock: () => number
  readonly clockOrigin: number
  /** Resolves when all Read Models have taken the Events up to this position. */
  readonly settled: (position: number) => Promise<void>
}

/** When a Command was asked for and when it reached the engine: ms since 1970, with fractions. */
export interface Arrival {
  readonly requestedAt: number | undefined
  readonly receivedAt: number | undefined
}

export class Tracer {
  readonly #options: TracerOptions
  readonly #traces = new Subject<CommandTrace>()
  readonly #arrivals = new WeakMap<Undecided, Arrival>()
  readonly trace$: Observable<CommandTrace> = this.#traces

  constructor(options: TracerOptions) {
    this.#options = options
  }

  get active(): boolean {
    return this.#traces.observed
  }
  /** @param command the very object that its trip will name: several calls may have one id */
  arrived(command: Undecided, arrival: Arrival): void {
    if (this.active) this.#arrivals.set(command, arrival)
  }
  /** For the command queue: what to call after each Command. */
  readonly onTrip = (): ((trip: Trip) => void) | undefined => (this.active ? this.#trip : undefined)

  readonly #trip = (trip: Trip): void => {
    void this.#complete(trip)
  }

  async #complete(trip: Trip): Promise<void> {
    const { clock, clockOrigin, settled } = this.#options
    const arrival = this.#arrivals.get(trip.command)
    const { append, marks, startedAt, dispatchedAt, outcome, position } = trip
    const { id: commandId, type, aggregateId, correlationId, causationId } = trip.command
    const woken = clock()
    if (append && position !== undefined) await settled(position)
    const shown = clock()
    const received = arrival?.receivedAt === undefined ? dispatchedAt : arrival.receivedAt - clockOrigin
    const requested = arrival?.requestedAt === undefined ? received : arrival.requestedAt - clockOrigin
    const handler = marks.handler ?? startedAt
    const found = Math.min(startedAt, handler)
    // Where each step begins; the last entry is the end. A step that was not reached ends the list.
    const reached = [requested, received, found, marks.handler, marks.loaded, marks.decided, marks.folded]
    if (append) {
      const saving = marks.folded ?? marks.decided ?? marks.loaded ?? handler
      for (let i = 3; i < 7; i++) reached[i] ??= saving
      reached.push(append.startedAt, append.startedAt, append.endedAt)
      if (outcome === 'accepted') reached.push(woken, shown)
    }
    const spans = this.#spans(reached, append?.endedAt)
    this.#traces.next({ commandId, type, aggregateId, correlationId, causationId, outcome, position, spans })
  }

  #spans(reached: readonly (number | undefined)[], appendedAt: number | undefined): readonly Span[] {
    const { clockOrigin } = this.#options
    const spans: Span[] = []
    for (let i = 0; i < steps.length; i++) {
      const startedAt = reached[i]
      const next = reached[i + 1]
      if (startedAt === undefined || next === undefined) break
      // Steps 8 and 9 are one transaction: both begin with it and end when it is complete.
      const endedAt = (i === 7 || i === 8 ? appendedAt : undefined) ?? next
      spans.push({
        number: i + 1,
        step: steps[i] as Span['step'],
        startedAt: clockOrigin + startedAt,
        durationMs: Math.max(0, endedAt - startedAt),
      })
    }
    return spans
  }
}
