/** What is given to the worker and awaits an answer. All of it can be sent again to another worker. */
import type { CommandOnWire } from '../channel/command-codec.ts'
import type { Observer } from 'rxjs'
import type { Calls, News, Topic, ValueOf } from '../channel/protocol.ts'
import type { Outcome } from '../domain/infer.ts'
import type { QueryDescription } from '../domain/query.ts'

interface Pending<Kind, Answer> {
  readonly kind: Kind
  /** How often it was sent without an answer. */
  sent: number
  /** Since it was given, in ticks of the page's own timer: a frozen page does not count. */
  waitedMs: number
  readonly deadlineMs: number
  succeed(answer: Answer): void
  fail(error: Error): void
}

export interface CallWork<Name extends keyof Calls = keyof Calls> extends Pending<'call', ValueOf<Name>> {
  readonly name: Name
  readonly args: Parameters<Calls[Name]>
}

export interface CommandWork extends Pending<'command', Outcome> {
  readonly message: CommandOnWire
  /** Commands of one batch cross together. */
  readonly batch: object | undefined
  /** The caller took it back, but it may be in a commit already: the worker says. */
  aborted: boolean
}

/** What listens to a subscription. */
export interface Listener {
  /** As of now: where a new worker has to go on. */
  topic(): Topic
  /** @param first true where this worker has told nothing before: rows come whole */
  receive(news: Exclude<News, { kind: 'error' }>, first: boolean): void
  /** Hears of the end: completed where it was wanted. */
  readonly observer: Pick<Observer<never>, 'complete' | 'error'>
}

/** Answered by its first frame; lives on until it is taken back, fails, or everything is closed. */
export interface SubscriptionWork extends Pending<'subscription', void> {
  readonly id: number
  readonly to: Listener
}

export type Work = CallWork | CommandWork | SubscriptionWork

/** What the work is called in messages to people. */
export function nameOf(work: Work): string {
  if (work.kind === 'command') {
    const { type, aggregateId, id } = work.message
    return `Command "${type}" (${aggregateId === undefined ? '' : `on "${aggregateId}", `}id ${id})`
  }
  if (work.kind === 'call') return work.name === 'run' ? queryName(work.args[0] as QueryDescription) : `Call "${work.name}"`
  const topic = work.to.topic()
  return topic.kind === 'query' ? queryName(topic.query) : `Stream of ${topic.kind}`
}

const queryName = (query: QueryDescription): string => `Query of "${query.kind === 'named' ? query.query : query.model}"`
