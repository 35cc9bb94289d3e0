import type { PersistenceStore, SavedState, StateWrites } from '../storage.ts'
import type { Handle } from './handle.ts'
import { textBytes, textOf } from './key-bytes.ts'
import { limitOf } from './limit.ts'
import type { SqlValue } from './sql-database.ts'
import { checkpointFrom, checkpointText, valueOf, valueText } from './value-text.ts'

const checkpoints = {
  name: 'outpost-states-checkpoints',
  text: `SELECT f.fold, f.checkpoint FROM outpost.heads h LEFT JOIN outpost.folds f ON f.space = $1
    WHERE h.space = $1 AND h.incarnation = $2`,
}
const load = {
  name: 'outpost-states-load',
  text: `SELECT f.checkpoint, s.place, s.value FROM outpost.heads h LEFT JOIN outpost.folds f ON f.space = $1 AND f.fold = $3
    LEFT JOIN LATERAL (
      SELECT asked.place::int4, states.value FROM unnest($4::bytea[]) WITH ORDINALITY AS asked (key, place)
      JOIN outpost.states ON states.space = $1 AND states.fold = $3 AND states.key = asked.key
    ) s ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const due = {
  name: 'outpost-states-due',
  text: `SELECT f.checkpoint, s.value FROM outpost.heads h LEFT JOIN outpost.folds f ON f.space = $1 AND f.fold = $3
    LEFT JOIN LATERAL (
      SELECT value FROM outpost.states WHERE space = $1 AND fold = $3 AND due_at IS NOT NULL ORDER BY due_at, key LIMIT $4::bigint
    ) s ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const save = {
  name: 'outpost-states-save',
  text: `SELECT outpost.save_states($1, $2, $3::bytea[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],
    $8::bytea[], $9::bytea[], $10::float8[], $11::text[]) AS outcome`,
}
const drop = { name: 'outpost-states-drop', text: 'SELECT outpost.drop_fold($1, $2, $3) AS outcome' }

export function createPersistenceStore(handle: Handle): PersistenceStore {
  return {
    async checkpoints() {
      const rows = await handle.read('Reading the checkpoints of', checkpoints)
      return new Map(
        rows.flatMap(({ fold, checkpoint }) => {
          const at = checkpointFrom(checkpoint)
          return at ? [[textOf(fold as Uint8Array), at] as const] : []
        }),
      )
    },

    async load(fold, keys) {
      const rows = await handle.read('Loading states of', load, [textBytes(fold), keys.map(textBytes)])
      const found = new Map(rows.map(({ place, value }) => [place, value]))
      return { checkpoint: checkpointFrom(rows[0]?.['checkpoint']), states: keys.map((_, i) => stateOf(found.get(i + 1))) }
    },

    async save(writes) {
      const merged = mergedValues(writes)
      if (merged === 'stale' || (await handle.write('Saving states of', save, merged)) === 'stale') return 'stale'
      return 'saved'
    },

    async due(fold, limit) {
      const rows = await handle.read('Reading timers of', due, [textBytes(fold), limitOf(Math.max(0, limit))])
      return { checkpoint: checkpointFrom(rows[0]?.['checkpoint']), states: rows.flatMap(({ value }) => stateOf(value) ?? []) }
    },

    async drop(fold) {
      await handle.write('Dropping states of', drop, [textBytes(fold)])
    },
  }
}

/** What the writes come to, one after another: a statement may touch no row twice. */
function mergedValues(writes: readonly StateWrites[]): SqlValue[] | 'stale' {
  const folds = new Map<
    string,
    { readonly expected: string | null; checkpoint: string | null; readonly states: Map<string, SavedState | undefined> }
  >()
  for (const { fold, expected, checkpoint, puts, removes } of writes) {
    const merged = folds.get(fold) ?? {
      expected: checkpointText(expected),
      checkpoint: null,
      states: new Map<string, SavedState | undefined>(),
    }
    if (merged.expected !== checkpointText(expected)) return 'stale'
    merged.checkpoint = checkpointText(checkpoint)
    for (const key of removes) merged.states.set(key, undefined)
    for (const saved of puts) merged.states.set(saved.key, saved)
    folds.set(fold, merged)
  }
  const states = [...folds].flatMap(([fold, merged]) =>
    [...merged.states].map(([key, saved]) => ({ fold: textBytes(fold), key: textBytes(key), saved })),
  )
  const puts = states.flatMap(({ saved, ...place }) => (saved ? [{ ...place, saved }] : []))
  const removes = states.filter(({ saved }) => !saved)
  return [
    [...folds.keys()].map(textBytes),
    [...folds.values()].map(({ expected }) => expected),
    [...folds.values()].map(({ checkpoint }) => checkpoint),
    removes.map(({ fold }) => fold),
    removes.map(({ key }) => key),
    puts.map(({ fold }) => fold),
    puts.map(({ key }) => key),
    puts.map(({ saved }) => dueOf(saved)),
    puts.map(({ saved }) => valueText(saved)),
  ]
}

const dueOf = ({ dueAt }: SavedState): number | null => (dueAt === undefined || Number.isNaN(dueAt) ? null : dueAt)

const stateOf = (value: unknown): SavedState | undefined => (typeof value === 'string' ? (valueOf(value) as SavedState) : undefined)
