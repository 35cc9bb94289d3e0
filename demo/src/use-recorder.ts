/** The recorder, for the log page. */
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Recorder, Recording } from './recorder.ts'

export const RecorderContext = createContext<Recorder | undefined>(undefined)

export function useRecorder(): Recorder & { readonly recording: Recording } {
  const recorder = useContext(RecorderContext)
  if (recorder === undefined) throw new Error('The log can be shown inside of RecorderContext only.')
  const recording = useSyncExternalStore(recorder.subscribe, recorder.current)
  return { ...recorder, recording }
}
