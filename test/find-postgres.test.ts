/** How the tests find a PostgreSQL on machines that have one somewhere, and on those that have one that is too old. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findPostgres } from './support/find-postgres.mjs'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-bin-'))
  vi.stubEnv('OUTPOST_POSTGRES', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** A folder of programs that say that they are of this version. */
function programs(version: string): void {
  for (const name of ['initdb', 'postgres']) {
    const path = join(folder, name)
    writeFileSync(path, `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`)
    chmodSync(path, 0o755)
  }
}

describe.skipIf(process.platform === 'win32')('the PostgreSQL that OUTPOST_POSTGRES names', () => {
  test.each(['15.18 (Debian 15.18-0+deb12u1)', '18.0', '19devel', '18beta1'])('is taken: %s', (version) => {
    programs(version)
    expect(findPostgres()).toBe(folder)
  })
  test.each(['14.9', '9.6.24'])('is refused where it is too old: %s', (version) => {
    programs(version)
    expect(() => findPostgres()).toThrow(`OUTPOST_POSTGRES is "${folder}", which holds no PostgreSQL 15 or newer`)
  })
  test('is refused where there is none', () => {
    expect(() => findPostgres()).toThrow('which holds no PostgreSQL')
  })
})
