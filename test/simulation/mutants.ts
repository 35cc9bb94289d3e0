/** Ways to break sync, each a patch of the real sources, and the seed whose schedule finds it. */
export interface Patch {
  /** Below `src/`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly name: string
  readonly patches: readonly Patch[]
  /** Of `runOf`. */
  readonly seed: number
  /** Part of how it shows. */
  readonly shows: RegExp
}

export const mutants: readonly Mutant[] = [
  {
    name: 'ack before commit: a Command is answered before it is in the log',
    patches: [
      {
        file: 'write/command-queue.ts',
        find: '    const result = await log.append(records, durability, () => {',
        replace: `    settle()
    const result = await log.append(records, durability, () => {`,
      },
    ],
    seed: 1,
    shows: /has not ended: its log does not know it/,
  },
  {
    name: 'cursor apart from events: how far the server was followed is written before what it says',
    patches: [
      {
        file: 'sync/rebasing.ts',
        find: `    const records = inOneTransaction([...confirmed, ...again])
    const last = end.record + again.length
`,
        replace: `    const isPull = slice.length > 0
    if (isPull) {
      const moved = await log.append([noteOf(inside, { step: 'joined', cursor: after })], 'relaxed', () => undefined)
      if (moved !== 'appended') return 'moved'
    }
    const records = inOneTransaction([...confirmed, ...again]).map((each) => (isPull ? { ...each, number: each.number + 1 } : each))
    const last = end.record + again.length + (isPull ? 1 : 0)
`,
      },
    ],
    seed: 8,
    shows: /shows of/,
  },
  {
    name: 'retry without id: a Command that was not answered is given again as another one',
    patches: [
      {
        file: 'engine/create-engine.ts',
        find: 'return queue.dispatch({ command, fresh, durability: wanted ?? durability, call })',
        replace:
          'return queue.dispatch({ command: fresh ? command : { ...command, id: environment.randomId() }, fresh: true, durability: wanted ?? durability, call })',
      },
    ],
    seed: 4,
    shows: /was given by nobody/,
  },
  {
    name: 'rebase without voiding: what is folded in memory is not told that the tail is void',
    patches: [{ file: 'write/log.ts', find: 'if (tail.fold(record)) voided = true', replace: 'tail.fold(record)' }],
    seed: 1,
    shows: /shows of/,
  },
  {
    name: 'a stale role holder writes: neither role nor cursor is looked at before a slice is applied',
    patches: [
      { file: 'sync/connection.ts', find: 'if (!(await this.#holdsRole()))', replace: 'if (false)' },
      { file: 'sync/engine-log.ts', find: "if (!sameValue(this.#inside.log.tail.cursor, before)) return 'moved'", replace: '' },
      { file: 'sync/rebasing.ts', find: "if (!sameValue(log.tail.cursor, before)) return 'moved'", replace: '' },
    ],
    seed: 130,
    shows: /shows of/,
  },
  {
    name: 'freed keys: a rebase deletes the last record that it makes void',
    patches: [
      {
        file: 'storage/memory/memory-log.ts',
        find: 'for (const record of copies) records.set(record.number, record)',
        replace: `for (const record of copies) {
        if (record.sync?.step === 'pulled' && record.sync.voids) records.delete(record.number - 1)
        records.set(record.number, record)
      }`,
      },
    ],
    seed: 2,
    shows: /The log goes on at record/,
  },
  {
    name: 'outcomes outside the log: a server process knows those alone that it has processed itself',
    patches: [
      { file: 'server/push-queue.ts', find: '  #closed = false\n', replace: '  #closed = false\n  #known$ = new Set()\n' },
      {
        file: 'server/push-queue.ts',
        find: 'const found = await processed.find([...asked])',
        replace: 'const found = new Map([...(await processed.find([...asked]))].filter(([id]) => this.#known$.has(id)))',
      },
      {
        file: 'server/push-queue.ts',
        find: "if (appended === 'conflict') return 'again'",
        replace: `if (appended === 'conflict') return 'again'
      for (const record of records) for (const { id } of record.commands) this.#known$.add(id)`,
      },
    ],
    seed: 133,
    shows: /is 2 times done/,
  },
]
