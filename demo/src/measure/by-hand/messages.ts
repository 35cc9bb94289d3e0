/** What page and worker of the hand-written equivalent say to each other. */
import type { Task } from '../task.ts'
import type { TaskStore } from './task-store.ts'

export type Method = Exclude<keyof TaskStore, 'watch'>

export interface Call {
  readonly id: number
  readonly method: Method | 'watch'
  readonly args: readonly unknown[]
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: string }
  | { readonly list: string; readonly tasks: readonly Task[] }
