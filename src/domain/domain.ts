/** The domain: all declarations of an app together, checked once at start. */
import { OutpostError } from '../errors.ts'
import type { AggregateType } from './aggregate.ts'
import type { UseCaseType } from './application-service.ts'
import type { AnyAggregate, AnyApplicationService, AnyNamedQuery, AnyReadModel, ByName } from './infer.ts'
import type { MessageType } from './message.ts'
import type { ProcessManager } from './process-manager.ts'
import type { Reactor } from './reactor.ts'

export interface DomainDeclaration {
  readonly aggregates: readonly AnyAggregate[]
  readonly applicationServices?: readonly AnyApplicationService[]
  readonly readModels?: readonly AnyReadModel[]
  readonly processManagers?: readonly ProcessManager[]
  readonly reactors?: readonly Reactor[]
  readonly queries?: readonly AnyNamedQuery[]
}

/** Name → declaration, for each kind that has something to call on the page. */
export type PartsOf<D extends DomainDeclaration> = {
  readonly aggregates: ByName<D['aggregates']>
  readonly applicationServices: D['applicationServices'] extends readonly AnyApplicationService[] ? ByName<D['applicationServices']> : {}
  readonly readModels: D['readModels'] extends readonly AnyReadModel[] ? ByName<D['readModels']> : {}
  readonly queries: D['queries'] extends readonly AnyNamedQuery[] ? ByName<D['queries']> : {}
}

/** An Event type, and the Aggregate that it belongs to. */
export interface EventType {
  readonly message: MessageType
  readonly aggregate: AggregateType
  /** Its name within the Aggregate. */
  readonly name: string
}

/** Where a Command is decided. */
export type CommandType =
  | { readonly message: MessageType; readonly aggregate: AggregateType; readonly name: string; readonly useCase?: undefined }
  | { readonly message: MessageType; readonly useCase: UseCaseType; readonly aggregate?: undefined }

export interface Domain<Parts> {
  readonly kind: 'domain'
  readonly name: string
  readonly aggregates: ReadonlyMap<string, AggregateType>
  /** By full name and by every alias. */
  readonly events: ReadonlyMap<string, EventType>
  /** By full name and by every alias. */
  readonly commands: ReadonlyMap<string, CommandType>
  readonly readModels: ReadonlyMap<string, AnyReadModel>
  readonly processManagers: ReadonlyMap<string, ProcessManager>
  readonly reactors: ReadonlyMap<string, Reactor>
  readonly queries: ReadonlyMap<string, AnyNamedQuery>
  /** Types only; never there at run time. */
  readonly types?: Parts
}

const builtInRefusals = [
  'versionConflict',
  'expired',
  'invariantViolated',
  // A sync server's own, see `sync/protocol.ts`.
  'invalidCommand',
  'decideFailed',
  'unauthorized',
  'noSuchTimer',
  'notParked',
]
/** Names that mean something else on a handle: `commands.batch`, and what awaiting or printing one looks for. */
const takenNames = ['batch', 'then', 'toJSON']
const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/

/**
 * Puts an app's declarations together.
 *
 * @param name stable: the app's databases are named by it
 * @throws `invalid-domain` for a duplicate, a gap in a chain of upcasters, an unknown name, an index on a field that
 * cannot be indexed; the message says what to change
 */
export function domain<const D extends DomainDeclaration>(name: string, declared: D): Domain<PartsOf<D>> {
  const problem = (message: string, details: Record<string, unknown> = {}): never => {
    throw new OutpostError('invalid-domain', `Domain "${name}": ${message}`, details)
  }
  const checkName = (kind: string, given: string): void => {
    if (!namePattern.test(given))
      problem(`${kind} "${given}" needs a name of letters, digits, "-" and "_" that begins with a letter. Rename it.`)
    if (takenNames.includes(given)) problem(`${kind} "${given}" has a name that means something else on an app's handle. Rename it.`)
  }
  const byName = <T extends { readonly name: string }>(kind: string, list: readonly T[] = []): Map<string, T> => {
    const map = new Map<string, T>()
    for (const each of list) {
      checkName(kind, each.name)
      if (map.has(each.name)) problem(`two ${kind}s are called "${each.name}". Give one of them another name.`)
      map.set(each.name, each)
    }
    return map
  }
  const add = <T extends { readonly message: MessageType }>(kind: string, map: Map<string, T>, entry: T): void => {
    const { message } = entry
    for (const full of [message.name, ...message.aliases]) {
      if (map.has(full)) problem(`two ${kind}s are called "${full}" (names and aliases count). Rename one, or drop the alias.`)
      map.set(full, entry)
    }
    if (!Number.isInteger(message.version) || message.version < 1)
      problem(`${kind} "${message.name}" has version ${message.version}. Versions are whole numbers from 1.`)
    for (let from = 1; from < message.version; from++)
      if (typeof message.upcast[from] !== 'function')
        problem(
          `${kind} "${message.name}" is at version ${message.version}, but nothing upcasts version ${from}. Add \`upcast: { ${from}: (data) => ... }\`.`,
        )
    for (const from of Object.keys(message.upcast).map(Number))
      if (!(from >= 1 && from < message.version))
        problem(`${kind} "${message.name}" upcasts version ${from}, but is at version ${message.version}. Remove it, or raise the version.`)
  }

  checkName('domain', name)
  const aggregates = byName('Aggregate', declared.aggregates)
  const services = byName('Application Service', declared.applicationServices)
  const readModels = byName('Read Model', declared.readModels)
  const processManagers = byName('process manager', declared.processManagers)
  const reactors = byName('reactor', declared.reactors)
  const queries = byName('query', declared.queries)

  // Handlers share one space of names: status and retry know them by name alone.
  byName('Event Handler', [...readModels.values(), ...processManagers.values(), ...reactors.values()])
  byName('Aggregate or Application Service', [...aggregates.values(), ...services.values()])

  const events = new Map<string, EventType>()
  const commands = new Map<string, CommandType>()
  for (const { type } of aggregates.values()) {
    for (const [key, message] of Object.entries(type.events)) {
      checkName('Event', key)
      add('Event', events, { message, aggregate: type, name: key })
      if (!type.create[key] && !type.evolve[key])
        problem(`nothing folds Event "${message.name}". Add it to \`create\` or \`evolve\` of Aggregate "${type.name}".`)
    }
    if (Object.keys(type.create).length === 0) problem(`Aggregate "${type.name}" has no Event to begin with. Name one in its \`create\`.`)
    for (const folded of [...Object.keys(type.create), ...Object.keys(type.evolve)])
      if (!type.events[folded])
        problem(`Aggregate "${type.name}" folds "${folded}", which is none of its Events. Declare it, or remove it.`)
    for (const [key, message] of Object.entries(type.commands)) {
      checkName('Command', key)
      add('Command', commands, { message, aggregate: type, name: key })
      if (!type.decide[key]) problem(`nothing decides Command "${message.name}". Add it to \`decide\` of Aggregate "${type.name}".`)
    }
    for (const refusal of Object.keys(type.refusals))
      if (builtInRefusals.includes(refusal))
        problem(`Aggregate "${type.name}" declares refusal "${refusal}", which every Command has already. Rename it.`)
  }
  for (const service of services.values())
    for (const [key, useCase] of Object.entries(service.useCases)) {
      checkName('use case', key)
      add('Command', commands, { message: useCase.command, useCase })
      if (typeOf(useCase.command.schema) === 'string')
        problem(
          `use case "${useCase.command.name}" takes a bare string, which a call cannot tell from an Aggregate's id. Wrap it: z.object({ ... }).`,
        )
      for (const refusal of Object.keys(useCase.refusals))
        if (builtInRefusals.includes(refusal))
          problem(`use case "${useCase.command.name}" declares refusal "${refusal}", which every Command has already. Rename it.`)
    }

  const checkSources = (kind: string, handler: string, from: readonly AnyAggregate[], on: object, ignores: ReadonlySet<string>): void => {
    const known = new Set<string>()
    for (const source of from) {
      if (aggregates.get(source.name)?.type !== source.type)
        problem(
          `${kind} "${handler}" takes Events from Aggregate "${source.name}", which the domain does not list. Add it to \`aggregates\`.`,
        )
      for (const message of Object.values(source.type.events)) known.add(message.name)
    }
    for (const event of [...Object.keys(on), ...ignores])
      if (!known.has(event))
        problem(`${kind} "${handler}" names Event "${event}", which none of its Aggregates has. Known: ${[...known].join(', ')}.`)
    if (kind !== 'reactor')
      for (const event of known)
        if (!(event in on) && !ignores.has(event))
          problem(`${kind} "${handler}" says nothing of Event "${event}". Handle it in \`on\`, or list it in \`ignores\`.`)
  }
  for (const model of readModels.values()) {
    checkSources('Read Model', model.name, model.from, model.on, model.ignores)
    checkReadModel(model, problem)
  }
  for (const manager of processManagers.values()) {
    checkSources('process manager', manager.name, manager.from, manager.on, manager.ignores)
    for (const target of manager.sends)
      if (aggregates.get(target.name) !== target && services.get(target.name) !== target)
        problem(`process manager "${manager.name}" sends Commands to "${target.name}", which the domain does not list. Add it.`)
  }
  for (const reactor of reactors.values()) checkSources('reactor', reactor.name, reactor.from, reactor.on, new Set())
  for (const query of queries.values())
    for (const model of query.reads)
      if (readModels.get(model.name) !== model)
        problem(`query "${query.name}" reads Read Model "${model.name}", which the domain does not list. Add it to \`readModels\`.`)

  return {
    kind: 'domain',
    name,
    aggregates: new Map([...aggregates].map(([key, { type }]) => [key, type])),
    events,
    commands,
    readModels,
    processManagers,
    reactors,
    queries,
  }
}

/** What IndexedDB cannot index would be missing from its index silently; so it is refused here. */
function checkReadModel(model: AnyReadModel, problem: (message: string, details?: Record<string, unknown>) => never): void {
  if (!Number.isInteger(model.version) || model.version < 1)
    problem(`Read Model "${model.name}" has version ${model.version}. Versions are whole numbers from 1.`)
  const shape = (model.row as unknown as { readonly shape: Readonly<Record<string, unknown>> }).shape
  for (const field of [model.key as string, ...model.indexes.flat()]) {
    const refuse = (why: string): never => problem(`Read Model "${model.name}" indexes field "${field}", ${why}`, { field })
    if (!/^[A-Za-z_$][\w$]*$/.test(field)) refuse('but IndexedDB needs a name that is an identifier. Rename it.')
    const fieldSchema = shape[field]
    if (fieldSchema === undefined) refuse('which its rows do not have. Correct the name.')
    const reason = whyNotIndexable(fieldSchema)
    if (reason !== undefined) refuse(`which can be ${reason}; IndexedDB cannot index that. Use a number or a string (0 and 1, or '').`)
  }
}

const typeOf = (schema: unknown): string | undefined => (schema as { readonly def?: { readonly type?: string } }).def?.type

/** Looks into zod's own description of a schema. What it cannot see (transforms, custom) is checked at each write. */
function whyNotIndexable(schema: unknown): string | undefined {
  const def = (schema as { readonly def?: { readonly type?: string; readonly [key: string]: unknown } }).def
  switch (def?.type) {
    case 'boolean':
      return 'a boolean'
    case 'null':
    case 'nullable':
      return 'null'
    case 'undefined':
    case 'optional':
      return 'missing'
    case 'bigint':
      return 'a bigint'
    case 'object':
    case 'record':
    case 'map':
    case 'set':
      return 'an object'
    case 'literal':
      return (def['values'] as readonly unknown[]).some((value) => typeof value !== 'string' && typeof value !== 'number')
        ? 'a literal that is neither string nor number'
        : undefined
    case 'union':
      return (def['options'] as readonly unknown[]).map(whyNotIndexable).find((reason) => reason !== undefined)
    case 'default':
    case 'prefault':
    case 'catch':
    case 'readonly':
    case 'nonoptional':
      return whyNotIndexable(def['innerType'])
    default:
      return undefined
  }
}
