/** The page of the sync tests: an app that keeps its log together with the server that it is told, by remote control. */
import { contend } from './contend.ts'
import { control, expose } from './control.ts'
import type { Build } from './synced.worker.ts'

const remote = control((name) => new Worker(new URL('./synced.worker.ts', import.meta.url), { type: 'module', name }))

export interface Opened {
  readonly build: Build
  /** Where the sync server is. */
  readonly url: string
  /** Whose log it is, who gives the Commands, and the token. */
  readonly principal: string
}

const api = {
  ...remote,
  open({ build, url, principal }: Opened): void {
    remote.connect({ space: 'hall-7', actor: principal, token: () => Promise.resolve(principal) }, `${build} ${url}`)
  },
  /** See there; answers with all acknowledgements, as JSON. */
  contend: async (seed: number, run: string, items: readonly string[], commands: number): Promise<string> =>
    JSON.stringify(await contend(remote, seed, run, items, commands)),
}

export type SyncedPage = typeof api
expose(api)
