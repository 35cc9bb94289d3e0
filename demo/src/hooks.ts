/** React hooks that know this domain's Commands and Read Models. */
import { createHooks } from 'outpost/react'
import type { stockroom } from './domain/domain.ts'

export const { OutpostProvider, useApp, useQuery, useCommand, useStatus } = createHooks<typeof stockroom>()
