/** The page's build, for the screens. */
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { BuildStatus, PageBuild } from './page-build.ts'

export const PageBuildContext = createContext<PageBuild | undefined>(undefined)

export function usePageBuild(): BuildStatus & Pick<PageBuild, 'startNewer'> {
  const build = useContext(PageBuildContext)
  if (build === undefined) throw new Error('The state of the build can be shown inside of PageBuildContext only.')
  const status = useSyncExternalStore(build.subscribe, build.current)
  return { ...status, startNewer: build.startNewer }
}
