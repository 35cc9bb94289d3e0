/**
 * What every storage must do, as a list of cases that needs no test runner:
 *
 *     for (const { name, run } of storageContract) test(name, () => run(() => createMyStorage()))
 *
 * The function given is called once for each tab that a case imitates: what it returns shares its data with the others.
 * Faults (a full disk, a lost connection) cannot be made through the port: they are each adapter's own tests.
 */
import type { StorageContractCase } from './storage-contract/contract-case.ts'
import { eventStoreCases } from './storage-contract/event-store-cases.ts'
import { lifeCycleCases } from './storage-contract/life-cycle-cases.ts'
import { metaStoreCases } from './storage-contract/meta-store-cases.ts'
import { persistenceStoreCases } from './storage-contract/persistence-store-cases.ts'
import { readStoreCases } from './storage-contract/read-store-cases.ts'
import { segmentStoreCases } from './storage-contract/segment-store-cases.ts'

export type { OpenStorage, StorageContractCase } from './storage-contract/contract-case.ts'

export const storageContract: readonly StorageContractCase[] = [
  ...eventStoreCases,
  ...persistenceStoreCases,
  ...segmentStoreCases,
  ...metaStoreCases,
  ...readStoreCases,
  ...lifeCycleCases,
]
