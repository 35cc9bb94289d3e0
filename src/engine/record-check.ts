/** Whether what a file holds is the next record of a log: a file is from outside, so nothing in it is taken on trust. */
import { LOG_FORMAT, type LogRecord } from '../storage/record.ts'

/** Counts along over all records of a file, in order. */
export class RecordCheck {
  /** Records that have passed. */
  records = 0
  /** Events in them. */
  events = 0
  /** The last version of each stream, by the Aggregate's name and then its id. */
  readonly #streams = new Map<string, Map<string, number>>()

  /** True where it is the record after the last one that passed, whole and of a format that this build knows. */
  passes(value: unknown): value is LogRecord {
    const passes =
      isObject(value) &&
      value['number'] === this.records + 1 &&
      value['position'] === this.events + 1 &&
      value['kind'] === 'commit' &&
      isCount(value['format'], 1) &&
      value['format'] <= LOG_FORMAT &&
      isText(value['id']) &&
      typeof value['at'] === 'number' &&
      isList(value['commands'], isCommand) &&
      isList(value['events'], (event) => this.#isEvent(event, (value['commands'] as unknown[]).length)) &&
      (value['states'] === undefined || isList(value['states'], isState)) &&
      (value['parked'] === undefined || isList(value['parked'], isParked))
    if (!passes) return false
    this.records++
    this.events += (value as unknown as LogRecord).events.length
    return true
  }

  #isEvent(event: Fields, commands: number): boolean {
    const { type, schema, aggregateId, version, command, ordinal } = event
    return (
      isText(type) &&
      isCount(schema, 1) &&
      typeof aggregateId === 'string' &&
      isCount(command) &&
      command < commands &&
      isCount(ordinal) &&
      isCount(version, 1) &&
      (type.startsWith('$') || this.#follows(type.slice(0, type.indexOf('.')), aggregateId, version))
    )
  }

  /** Only the engine's own streams, whose names begin with `$`, may begin anew. */
  #follows(aggregate: string, id: string, version: number): boolean {
    let versions = this.#streams.get(aggregate)
    if (!versions) this.#streams.set(aggregate, (versions = new Map()))
    if (version !== (versions.get(id) ?? 0) + 1) return false
    versions.set(id, version)
    return true
  }
}

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isCount = (value: unknown, from = 0): value is number => Number.isInteger(value) && (value as number) >= from
const isList = (value: unknown, isPart: (part: Fields, index: number) => boolean): boolean =>
  Array.isArray(value) && value.every((part, index) => isObject(part) && isPart(part, index))

function isCommand({ id, type, schema, at, correlationId, root, outcome }: Fields, index: number): boolean {
  return (
    isText(id) &&
    isText(type) &&
    isCount(schema, 1) &&
    typeof at === 'number' &&
    typeof correlationId === 'string' &&
    (root === undefined || (isCount(root) && root < index)) &&
    isObject(outcome) &&
    (outcome['ok'] === true || isText(outcome['refusal']))
  )
}

const isState = ({ aggregate, aggregateId, version }: Fields): boolean =>
  isText(aggregate) && typeof aggregateId === 'string' && isCount(version, 1)
const isParked = ({ manager, key, position }: Fields): boolean => isText(manager) && typeof key === 'string' && isCount(position, 1)
