/** Events as one subscriber hears of them: the confirmed ones alone, or with all that becomes of the pending tail. */
import type { EventNews, RecordedEvent, TentativeEvent } from '../domain/recorded-event.ts'
import type { Engine } from '../engine/engine.ts'
import { OutpostError } from '../errors.ts'
import { sameValue } from '../internal/same-value.ts'
import type { Feed, FeedListener, TopicOf } from './feeds.ts'

/** Big enough that crossing costs little, small enough that it never shows as a pause on the page. */
const eventsPerPage = 500

/** An Event, as far as it is known; of one that is gone its id alone. */
type Known = Pick<TentativeEvent, 'id'> & Partial<TentativeEvent>

export function eventsFeed(engine: Engine, { after, tentative }: TopicOf<'events'>, { ring, fail }: FeedListener): Feed {
  const { logEpoch } = engine
  if (after.logEpoch !== undefined && after.logEpoch !== logEpoch)
    throw new OutpostError('closed', 'The log was replaced by another one. Subscribe again.')
  let position = after.position ?? engine.confirmed
  /** Tentative ones that were told and have not ended, by id. */
  const told = new Map(tentative)
  /** Ids of those that the tail may hold no longer: it was begun anew, and they have not been met in it yet. */
  let unmet = new Set<string>()
  let tailEpoch: number | undefined
  let tailPosition = 0
  // Empty at first: it tells where "from now on" begins.
  let page: readonly (RecordedEvent | EventNews)[] | undefined = []
  let rung = false
  let reading = false
  let over = false

  /** Ends what was told under this id, and tells so where that is not what stands there now. */
  const end = (now: Known): readonly EventNews[] => {
    const event = told.get(now.id)
    told.delete(now.id)
    unmet.delete(now.id)
    return event && !isSame(event, now) ? [{ state: 'withdrawn', event }] : []
  }

  /** What is to be told next. Where that is nothing, and `rung`, it has to be asked for again. */
  const next = async (): Promise<typeof page & object> => {
    const { confirmed } = engine
    const events = await engine.readEvents(position, eventsPerPage)
    const last = events.at(-1)
    position = last?.position ?? Math.max(position, confirmed)
    if (!tentative) return events
    if (last) return events.flatMap((event): readonly EventNews[] => [...end(event), { state: 'confirmed', event }])

    if (tailEpoch !== engine.tailEpoch) {
      tailEpoch = engine.tailEpoch
      tailPosition = 0
      unmet = new Set(told.keys())
    }
    const tail = await engine.readEvents(Math.max(position, tailPosition), eventsPerPage, true)
    // What was confirmed or made void meanwhile comes first; it has rung.
    if (position < engine.confirmed) return []
    if (tail.length === 0) return [...unmet].slice(0, eventsPerPage).flatMap((id) => end({ id }))
    rung = true
    return tail.flatMap(({ version: _, position: at, ...event }): readonly EventNews[] => {
      tailPosition = at
      unmet.delete(event.id)
      if (isSame(told.get(event.id), event)) return []
      const ended = end(event)
      told.set(event.id, event)
      return [...ended, { state: 'tentative', event }]
    })
  }

  /** Keeps one page in hand: reading ahead further would only fill memory. */
  const pull = async (): Promise<void> => {
    rung = true
    if (reading) return
    reading = true
    try {
      while (rung && !page && !over) {
        rung = false
        const events = await next()
        if (events.length === 0) continue
        page = events
        ring()
      }
    } catch (thrown) {
      fail(thrown)
    }
    reading = false
  }
  const recorded = engine.recorded$.subscribe(() => void pull())
  ring()

  return {
    take() {
      if (!page) return undefined
      const news = { kind: 'events', told: page, next: { position, logEpoch } } as const
      page = undefined
      void pull()
      return news
    },
    close() {
      over = true
      recorded.unsubscribe()
    },
  }
}

const isSame = (a: Partial<TentativeEvent> | undefined, b: Known): boolean =>
  a?.type === b.type && a?.aggregateId === b.aggregateId && sameValue(a?.data, b.data)
