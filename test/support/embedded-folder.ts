/** Folders with an embedded database in them that nothing was written to. PGlite takes seconds to make one, a copy does not. */
import { existsSync } from 'node:fs'
import { constants, cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPglite } from '../../src/storage/postgres/pglite-database.ts'
import { cache, root } from './build.mjs'

let template: Promise<string> | undefined

/** @returns its path; whoever asks removes it */
export async function embeddedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outpost-embedded-'))
  await cp(await (template ??= madeOnce()), folder, { recursive: true, mode: constants.COPYFILE_FICLONE })
  return folder
}

async function madeOnce(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'node_modules/@electric-sql/pglite/package.json'), 'utf8')) as {
    readonly version: string
  }
  const made = join(cache, `pglite-${version}`)
  if (existsSync(made)) return made
  await mkdir(cache, { recursive: true })
  const making = await mkdtemp(`${made}-`)
  const database = await openPglite({ folder: making })
  await database.close()
  // Another test may have been as quick: then theirs is as good.
  await rename(making, made).catch(async (error: unknown) => {
    await rm(making, { recursive: true })
    if (!existsSync(made)) throw error
  })
  return made
}
