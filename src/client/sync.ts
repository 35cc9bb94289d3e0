import type { SyncRequest } from '../sync/status.ts'
import type { AppSync } from './app.ts'
import { type NewsOf, stream } from './streams.ts'
import type { Works } from './works.ts'

export function createSync(works: Works): AppSync {
  const request = (what: SyncRequest) => () => works.call('sync', [what])
  return {
    status$: stream(works, () => ({ topic: () => ({ kind: 'sync' as const }), values: (news: NewsOf<'sync'>) => [news.status] })),
    pause: request('pause'),
    resume: request('resume'),
    now: request('now'),
  }
}
