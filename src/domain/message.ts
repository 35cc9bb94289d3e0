/** Events and Commands as an app declares them: a zod schema, and how older versions of it are still understood. */
import type { z } from 'zod'

/** Turns the data of version n (the key) into data of version n + 1. */
export type Upcasters = Readonly<Record<number, (data: never) => unknown>>

export interface MessageOptions {
  /** Counts from 1. Raise it when the shape changes, and add an upcaster from the version before. */
  readonly version?: number
  /** One a version from 1 to `version - 1`; a gap is refused when the domain is built. */
  readonly upcast?: Upcasters
  /** Former names of this message within its Aggregate. */
  readonly aliases?: readonly string[]
}

export interface EventDeclaration<S extends z.ZodType = z.ZodType> extends MessageOptions {
  readonly kind: 'event'
  readonly schema: S
}
export interface CommandDeclaration<S extends z.ZodType = z.ZodType> extends MessageOptions {
  readonly kind: 'command'
  readonly schema: S
}

/**
 * An Event with versions. A bare schema stands for version 1.
 *
 * @example
 * registered: event(z.object({ name: z.string(), unit: z.string() }), {
 *   version: 2,
 *   upcast: { 1: (data: { name: string }) => ({ ...data, unit: 'piece' }) },
 *   aliases: ['created'],
 * })
 */
export const event = <S extends z.ZodType>(schema: S, options: MessageOptions = {}): EventDeclaration<S> => ({
  kind: 'event',
  schema,
  ...options,
})

/** A Command with versions, as {@link event}: what waited long in an outbox is still understood. */
export const command = <S extends z.ZodType>(schema: S, options: MessageOptions = {}): CommandDeclaration<S> => ({
  kind: 'command',
  schema,
  ...options,
})

/** One Event or Command type as the engine sees it. */
export interface MessageType {
  /** Full name: `aggregate.event`, `aggregate.command` or `service.useCase`. */
  readonly name: string
  readonly schema: z.ZodType
  readonly version: number
  readonly upcast: Upcasters
  readonly aliases: readonly string[]
}

export function messageType(owner: string, name: string, declared: z.ZodType | EventDeclaration | CommandDeclaration): MessageType {
  const { schema, version = 1, upcast = {}, aliases = [] } = 'kind' in declared ? declared : ({ schema: declared } as EventDeclaration)
  return { name: `${owner}.${name}`, schema, version, upcast, aliases: aliases.map((alias) => `${owner}.${alias}`) }
}

/** Brings data of an older version up to the type's own. */
export function upcastTo(type: MessageType, version: number, data: unknown): unknown {
  for (let from = version; from < type.version; from++) data = (type.upcast[from] as (data: unknown) => unknown)(data)
  return data
}
