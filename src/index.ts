/**
 * @module The vocabulary a domain is declared with, and the errors. Imported by the file that declares the domain (which
 * runs in the worker, on a server and in tests) and by anything that asks an error for its code. Runs anywhere.
 */
export { aggregate } from './domain/aggregate.ts'
export type { Aggregate, AggregateDeclaration, CommandContext, DecidedEvent, Decision, EvolveContext, Refusal } from './domain/aggregate.ts'
export { applicationService, useCase } from './domain/application-service.ts'
export type { ApplicationService, Loaded, LoadedMany, UseCase } from './domain/application-service.ts'
export { domain } from './domain/domain.ts'
export type { Domain } from './domain/domain.ts'
export { command, event } from './domain/message.ts'
export type { CommandDeclaration, EventDeclaration, MessageOptions } from './domain/message.ts'
export { processManager } from './domain/process-manager.ts'
export type { CommandRequest, FiredTimer, ProcessManager, Reaction, TimerRequest } from './domain/process-manager.ts'
export { query, readModel } from './domain/read-model.ts'
export type { NamedQuery, ReadModel, ReadModelDeclaration, Rows } from './domain/read-model.ts'
export type { Condition, Snapshot } from './domain/query.ts'
export { reactor } from './domain/reactor.ts'
export type { Reactor, ReactorPlace, ReactorTools, RetryPolicy } from './domain/reactor.ts'
export type { RecordedEvent } from './domain/recorded-event.ts'
export type { Accepted, BuiltInRefusal, EventName, EventOf, EventSummary, Outcome, RowOf, StateOf } from './domain/infer.ts'
export { errorCodes, isOutpostError, OutpostError } from './errors.ts'
export type { ErrorCode } from './errors.ts'
