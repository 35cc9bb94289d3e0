/** What is measured: Outpost, and the same done by hand. */
import type { Task } from './task.ts'

/**
 * outpost: by its public names; `put`: one hand-written put into one store on the main thread; `worker`: hand-written as
 * well, an Event and a row in one transaction, behind a worker.
 */
export type SubjectName = 'outpost' | 'put' | 'worker'

export interface Subject {
  /**
   * Begins to open the store; what follows waits for it.
   *
   * @throws once it is destroyed
   */
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
  /** What is stored stays: it can be opened again. */
  close(): Promise<void>
  /** Deletes all that is stored, by an earlier page too; whatever is under way fails. */
  destroy(): Promise<void>
}

export const destroyed = (): Error => new Error('What was measured is deleted.')
