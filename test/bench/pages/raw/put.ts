/** By hand on the main thread: one put into one store, no Event, no rule. */
import { onPage } from '../../../../demo/src/measure/by-hand/on-page.ts'
import { offer } from '../offer.ts'

offer(onPage('tasks'))
