/** The importer and its settings, for the screens. */
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { ImportJob, StockOptions } from './import-job.ts'
import type { Importer } from './importer.ts'

export interface ImportSettings {
  readonly importer: Importer
  /** Chosen under "advanced" or in the address; undefined for what is usual. */
  readonly stock: StockOptions | undefined
  readonly setStock: (stock: StockOptions | undefined) => void
}

export const ImportContext = createContext<ImportSettings | undefined>(undefined)

export function useImportSettings(): ImportSettings {
  const settings = useContext(ImportContext)
  if (settings === undefined) throw new Error('An import can be shown inside of ImportContext only.')
  return settings
}

export function useImportJob(): ImportJob | undefined {
  const { importer } = useImportSettings()
  return useSyncExternalStore(importer.subscribe, importer.current)
}

/** `?openingStock=60&reorderPoint=10`, both whole numbers; else undefined. */
export function stockFromAddress(search: string): StockOptions | undefined {
  const query = new URLSearchParams(search)
  const [openingStock, reorderPoint] = ['openingStock', 'reorderPoint'].map((name) => query.get(name))
  const isWhole = (text: string | null | undefined): text is string => /^\d{1,9}$/.test(text ?? '')
  return isWhole(openingStock) && isWhole(reorderPoint)
    ? { openingStock: Number(openingStock), reorderPoint: Number(reorderPoint) }
    : undefined
}
