/** The measurer, for its screen. */
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Measurement, Measurer } from './measurer.ts'

export const MeasurerContext = createContext<Measurer | undefined>(undefined)

export function useMeasurer(): Measurer & { readonly measurement: Measurement } {
  const measurer = useContext(MeasurerContext)
  if (measurer === undefined) throw new Error('Measuring is for what is inside of MeasurerContext only.')
  const measurement = useSyncExternalStore(measurer.subscribe, measurer.current)
  return { ...measurer, measurement }
}
