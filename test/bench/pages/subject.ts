/** What is measured: Outpost, and the same done by hand. */
import type { Task } from './task.ts'

export interface Subject {
  /** Begins to open the store; what follows waits for it. */
  open(): void
  /** Resolves when the task is durable. */
  add(task: Task): Promise<void>
  /** Resolves when the change is durable. */
  setDone(id: string, done: boolean): Promise<void>
  /** Resolves when all are durable. */
  addMany(tasks: readonly Task[]): Promise<void>
  /** All tasks, those acknowledged before included. */
  count(): Promise<number>
  /** The tasks of a list in order of `createdAt`, those acknowledged before included. */
  list(list: string, limit?: number): Promise<readonly Task[]>
  /** The whole list now and after each change to it. */
  watch(list: string, changed: (tasks: readonly Task[]) => void): void
  close(): Promise<void>
}
