/** What is given to the worker and awaits an answer. All of it can be sent again to another worker. */
import type { Calls, News, Topic, ValueOf } from '../channel/protocol.ts'
import type { Outcome } from '../domain/infer.ts'
import type { CommandMessage } from '../engine/engine.ts'

interface Sendable {
  /** How often it was sent. */
  sent: number
  /** Since it was given, in ticks of the page's own timer: a frozen page does not count. */
  waitedMs: number
  fail(error: Error): void
}

/** A call. Where `once`, a second worker could not go on with it: it fails with its worker. */
export interface CallWork<Name extends keyof Calls = keyof Calls> extends Sendable {
  readonly kind: 'call'
  readonly name: Name
  readonly args: Parameters<Calls[Name]>
  readonly once: boolean
  readonly deadlineMs: number
  succeed(value: ValueOf<Name>): void
}

export interface CommandWork extends Sendable {
  readonly kind: 'command'
  readonly message: CommandMessage
  /** Commands of one batch cross together. */
  readonly batch: object | undefined
  /** The caller took it back, but it may be in a commit already: the worker says. */
  aborted: boolean
  succeed(outcome: Outcome): void
}

/** Answered by its first frame; lives on until it is taken back. */
export interface SubscriptionWork extends Sendable {
  readonly kind: 'subscription'
  readonly id: number
  /** As of now: where a new worker has to go on. */
  topic(): Topic
  /** @param first true where this worker has told nothing before: rows come whole */
  receive(news: Exclude<News, { kind: 'error' }>, first: boolean): void
  /** The log was replaced by another one, which positions of the old one mean nothing to. */
  restart(): void
  complete(): void
}

export type Work = CallWork | CommandWork | SubscriptionWork

/** What the work is called in messages to people. */
export const nameOf = (work: Work): string =>
  work.kind === 'command'
    ? `Command "${work.message.type}" (${work.message.aggregateId === undefined ? '' : `on "${work.message.aggregateId}", `}id ${work.message.id})`
    : work.kind === 'call'
      ? `Call "${work.name}"`
      : `Subscription to ${describe(work.topic())}`

const describe = (topic: Topic): string =>
  topic.kind !== 'query' ? topic.kind : topic.query.kind === 'named' ? `query "${topic.query.query}"` : `Read Model "${topic.query.model}"`
