/** The rows that every workload writes, and what it takes to tell whether they arrived. */

export interface Task {
  readonly id: string
  readonly list: string
  readonly title: string
  readonly done: boolean
  readonly createdAt: number
}

export const lists = 100
export const listName = (index: number): string => `list-${String(index % lists).padStart(2, '0')}`

/** Numbers in [0, 1) by a linear congruence: the same on every machine, in every run. */
export function randomBy(seed: number): () => number {
  let state = BigInt(seed)
  return () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & 0xffff_ffff_ffff_ffffn
    return Number(state >> 32n) / 2 ** 32
  }
}

/** The first so many tasks: the n-th belongs to list n mod 100, `createdAt` ascends. Ids are random, as users' ids are. */
export function makeTasks(count: number): Task[] {
  const random = randomBy(1)
  const hex = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return Array.from({ length: count }, (_, n) => ({
    id: `${hex()}-${hex()}-${hex()}`,
    list: listName(n),
    title: `Task ${n}: count shelf ${hex()} and ${hex()}`,
    done: random() < 0.3,
    createdAt: 1_700_000_000_000 + n * 1000,
  }))
}

export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomBy(seed)
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

const text = ({ id, list, title, done, createdAt }: Task): string => JSON.stringify([id, list, title, done, createdAt])

export function assertSameTasks(found: readonly Task[], expected: readonly Task[], where: string): void {
  assert(found.length === expected.length, `${where}: ${found.length} rows instead of ${expected.length}.`)
  for (const [index, task] of expected.entries()) {
    const other = text(found[index] as Task)
    assert(other === text(task), `${where}, row ${index}: ${other} instead of ${text(task)}.`)
  }
}
