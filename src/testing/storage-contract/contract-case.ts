import type { LogStorage, ReadStore, ReadStoreSchema, Storage } from '../../storage/storage.ts'

/** Gives a storage at each call, all on the same data: as every tab of a browser has its own. */
export type OpenStorage = () => Promise<Storage> | Storage

export interface StorageContractCase {
  /** A sentence about behaviour. */
  readonly name: string
  /** Rejects where the storage breaks it. Uses databases of its own, and deletes them. */
  run(open: OpenStorage): Promise<void>
}

/** What a case works with. */
export interface Bench {
  /** Two tabs. */
  readonly tabs: readonly [Storage, Storage]
  /** Begins the names of all databases of this case, and no others. */
  readonly prefix: string
  /** A new handle on the case's log, in the first tab unless told. */
  openLog(tab?: 0 | 1): Promise<LogStorage>
  /** A new handle on the case's read store, in the first tab unless told. */
  openReadStore(schema: ReadStoreSchema, tab?: 0 | 1): Promise<ReadStore>
}

let cases = 0

export const contractCase = (name: string, test: (bench: Bench) => Promise<void>): StorageContractCase => ({
  name,
  async run(open) {
    const tabs = [await open(), await open()] as const
    const prefix = `contract-${Date.now()}-${Math.random()}-${cases++}.`
    const handles: { close(): void }[] = []
    const kept = <H extends { close(): void }>(handle: H): H => {
      handles.push(handle)
      return handle
    }
    try {
      await test({
        tabs,
        prefix,
        openLog: async (tab = 0) => kept(await tabs[tab].openLog(`${prefix}log`)),
        openReadStore: async (schema, tab = 0) => kept(await tabs[tab].openReadStore(`${prefix}read`, schema)),
      })
    } finally {
      for (const handle of handles) handle.close()
      for (const database of await tabs[0].list(prefix)) await tabs[0].destroy(database)
    }
  },
})
