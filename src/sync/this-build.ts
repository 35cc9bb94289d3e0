/** What was decided by another build, in the versions and names of this one: only so two decisions can be compared. */
import type { EngineInside } from '../engine/inside.ts'
import { OutpostError } from '../errors.ts'
import { noteOf } from './notes.ts'
import type { Decided, Told } from './processed.ts'

/** @throws `outdated` where a newer build made an Event of it; `upcast-failed` */
export function inThisBuild(inside: Pick<EngineInside, 'decoder' | 'log' | 'now' | 'recordId'>, { root, events }: Decided): Told {
  // A record of no kind that can be void: what counts no longer was told all the same.
  const record = {
    ...noteOf(inside, { step: 'noted' }),
    commands: events.map(({ commandId }) => ({ ...root, id: commandId })),
    events: events.map(({ event }, command) => ({ ...event, command })),
  }
  const read = inside.decoder.decodeKnown(record)
  return {
    root,
    events: read.map((event, i) => {
      if (event instanceof OutpostError) throw event
      return { commandId: (events[i] as Decided['events'][number]).commandId, event }
    }),
  }
}
