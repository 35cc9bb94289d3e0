/** Decides one root Command over the states of its space: every Command comes to an outcome, whatever is wrong with it. */
import { derivedId } from '../domain/id.ts'
import { isOutpostError, messageOf } from '../errors.ts'
import type { ServerRefusal } from '../sync/protocol.ts'
import type { Undecided } from '../write/decide.ts'
import type { Decider } from '../write/decider.ts'
import { instanceOf } from '../write/process-managers.ts'
import type { States } from '../write/states.ts'
import { Attempt, type UnitOfWork } from '../write/unit-of-work.ts'
import { neededBy, seenBy, type ActAs, type Authorize } from './authority.ts'
import { invalid, isTooLong, tooLong, type Root, type ServerRefusalOf, type Unprocessed } from './root.ts'

export interface RootDeciderOptions {
  readonly decider: Decider
  readonly aggregates: ReadonlyMap<string, States>
  readonly managers: ReadonlyMap<string, States>
  readonly authorize: Authorize | undefined
  readonly actAs: ActAs
  readonly now: () => number
  /** Hears of handlers that threw: a developer must look. */
  readonly onFault: (command: Undecided, fault: unknown) => void
}

/** `held`: this build cannot process it, a newer one can. */
export type Ruling = Attempt | 'held'

type FromClient = Extract<Root, { readonly stored: Unprocessed }>

export class RootDecider {
  readonly #options: RootDeciderOptions

  constructor(options: RootDeciderOptions) {
    this.#options = options
  }

  /** @throws what storage or the app's `authorize` threw: nothing is known of the Command then */
  async decide(root: Root, work: UnitOfWork): Promise<Ruling> {
    switch (root.kind) {
      case 'held':
        return 'held'
      case 'refused':
        if (root.fault !== undefined) this.#options.onFault(root.stored, root.fault)
        return refused(root.stored, root.because, work)
      case 'withdrawn':
        return closed({ ...root.stored, outcome: { ok: true } }, work)
      case 'own':
        return this.#options.decider.decide(root.command, work)
      default: {
        const refusal = root.kind === 'command' ? await this.#whyNot(root, work) : await this.#whyNotOwn(root, work)
        if (refusal) return refused(root.stored, refusal, work)
        return this.#decided(root, work)
      }
    }
  }

  async #decided(root: Extract<FromClient, { readonly command: Undecided }>, work: UnitOfWork): Promise<Ruling> {
    try {
      return await this.#options.decider.decide(root.command, work)
    } catch (fault) {
      if (isStorageFault(fault)) throw fault
      if (needsNewerBuild(fault)) return 'held'
      return refused(root.stored, this.#faulty(root.command, fault), work)
    }
  }

  #faulty(command: Undecided, fault: unknown): ServerRefusalOf {
    if (isOutpostError(fault, 'invalid-command'))
      return invalid(`Command "${command.type}" is not as this server declares it.`, issuesOf(fault.details['issues']))
    this.#options.onFault(command, fault)
    return refusal('decideFailed')
  }

  async #whyNot({ command, type }: Extract<Root, { kind: 'command' }>, work: UnitOfWork): Promise<ServerRefusalOf | undefined> {
    const { authorize, actAs, aggregates } = this.#options
    const principal = command.origin?.principal ?? ''
    if (command.actor !== undefined && !actAs(principal, command.actor))
      return refusal('unauthorized', { reason: `"${principal}" may not act as "${command.actor}".` })
    if (!authorize && !type.useCase) return undefined
    let seen: ReturnType<typeof seenBy>
    try {
      const needed = neededBy(type, command)
      if (needed.some(({ ids }) => ids.some(isTooLong))) return tooLong()
      if (!authorize) return undefined
      for (const { aggregate, ids } of needed) await aggregates.get(aggregate)?.load(ids)
      const before = new Attempt(work)
      seen = seenBy(type, command, (aggregate, id) => {
        const states = aggregates.get(aggregate)
        return states && before.entry(states, id).state
      })
    } catch (fault) {
      if (isStorageFault(fault)) throw fault
      return undefined // deciding it meets the same fault, and has words for it
    }
    const answer = await authorize(principal, seen.asked, seen.state)
    return answer === true ? undefined : refusal('unauthorized', { reason: typeof answer === 'string' ? answer : 'It is not allowed.' })
  }

  /** A device that was alone has fired timers and resumed instances itself: that counts where the server's state says the same. */
  async #whyNotOwn({ kind, command }: Extract<Root, { kind: 'timer' | 'resume' }>, work: UnitOfWork): Promise<ServerRefusalOf | undefined> {
    const asked = ownPayload(command)
    if (!asked || asked.key !== command.aggregateId) return invalid('It names no process manager’s instance.')
    const states = this.#options.managers.get(asked.manager)
    if (!states) return invalid(`There is no process manager "${asked.manager}".`)
    await states.load([asked.key])
    const instance = instanceOf(new Attempt(work).entry(states, asked.key))
    if (kind === 'resume') return instance.parked ? undefined : refusal('notParked')
    const timer = Object.hasOwn(instance.timers, asked.name) ? instance.timers[asked.name] : undefined
    const holds =
      timer !== undefined &&
      timer.setBy === asked.setBy &&
      timer.dueAt === asked.dueAt &&
      timer.dueAt <= this.#options.now() &&
      command.id === derivedId('timer', asked.manager, asked.key, asked.name, asked.setBy)
    return holds && !instance.parked ? undefined : refusal('noSuchTimer')
  }
}

/** A root that has no Events: its record is all that comes of it. */
export function closed(command: Attempt['commands'][number], work: UnitOfWork): Attempt {
  const attempt = new Attempt(work)
  attempt.commands.push(command)
  attempt.accept()
  return attempt
}

const refused = (stored: Unprocessed, { refusal, details }: ServerRefusalOf, work: UnitOfWork): Attempt =>
  closed({ ...stored, outcome: { ok: false, refusal, details } }, work)

const refusal = (name: ServerRefusal, details: Readonly<Record<string, unknown>> = {}): ServerRefusalOf => ({ refusal: name, details })

/** Faults of the place, not of the Command. */
export const isStorageFault = (fault: unknown): boolean =>
  isOutpostError(fault, 'storage-failed') ||
  isOutpostError(fault, 'storage-full') ||
  isOutpostError(fault, 'storage-newer') ||
  isOutpostError(fault, 'closed')

/** The log holds Events that this build cannot read: a newer server wrote them, or an upcaster has to be mended. */
const needsNewerBuild = (fault: unknown): boolean => isOutpostError(fault, 'outdated') || isOutpostError(fault, 'upcast-failed')

/** Zod's issues, as far as they speak of the payload that the client itself sent. */
function issuesOf(issues: unknown): Readonly<Record<string, unknown>> {
  if (!Array.isArray(issues)) return {}
  const first = (issues as readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]).slice(0, 10)
  return { issues: first.map(({ path, message }) => ({ path: path.map(String), message })) }
}

interface OwnPayload {
  readonly manager: string
  readonly key: string
  readonly name: string
  readonly dueAt: unknown
  readonly setBy: string
}

function ownPayload({ payload }: Undecided): OwnPayload | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined
  const { manager, key, name, dueAt, setBy } = payload as Readonly<Record<string, unknown>>
  if (typeof manager !== 'string' || typeof key !== 'string') return undefined
  return { manager, key, name: typeof name === 'string' ? name : '', dueAt, setBy: typeof setBy === 'string' ? setBy : '' }
}

/** For logs. */
export const describeFault = (fault: unknown): string => (fault instanceof Error ? (fault.stack ?? fault.message) : messageOf(fault))
