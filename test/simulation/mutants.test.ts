/** The property bites: each of these breaks is found by it, with the seed that is kept here. */
import { describe, expect, test } from 'vitest'
import { buildMutant } from './build-mutant.ts'
import { hallRun, runOf } from './hall-run.ts'
import { mutants } from './mutants.ts'

describe('is found:', () => {
  test.each(mutants)('$name', async ({ name, patches, seed, shows }) => {
    const mutant = await buildMutant(name, patches)
    await expect(mutant.hallRun(mutant.runOf(seed))).rejects.toThrow(shows)
  })
})

test('none of it is there: the sources as they are pass the same seeds', async () => {
  for (const seed of new Set(mutants.map((mutant) => mutant.seed))) await hallRun(runOf(seed))
})

test('a patch whose text is not there any more is told, and not left out', async () => {
  const patches = [{ file: 'sync/rebasing.ts', find: 'no such text', replace: '' }]
  await expect(buildMutant('moved on', patches)).rejects.toThrow('holds 0 times what is to be patched: no such text')
})
