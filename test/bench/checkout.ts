/** Another commit of the project, in a folder of its own beside this one, ready to be built. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from '../support/build.mjs'
import { atEnd } from './scratch.ts'

export interface Checkout {
  readonly folder: string
  /** What was asked for, and which commit that is. */
  readonly name: string
}

/**
 * It goes with this process.
 *
 * @param ref anything that git takes for a commit
 */
export function checkOut(ref: string): Checkout {
  const commit = commitOf(ref)
  const folder = join(mkdtempSync(join(tmpdir(), 'outpost-checkout-')), 'tree')
  atEnd(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    // What git remembers of a worktree is of use only as long as its folder is there.
    run('git', ['worktree', 'prune'])
  })
  run('git', ['worktree', 'add', '--detach', folder, commit])
  if (lockOf(folder) === lockOf(root)) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  else run('npm', ['ci'], folder)
  return { folder, name: `${ref} (${commit.slice(0, 7)})` }
}

function commitOf(ref: string): string {
  try {
    return run('git', ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]).trim()
  } catch (error) {
    throw new Error(`--compare takes a commit, branch or tag of this repository, not "${ref}".`, { cause: error })
  }
}

const lockOf = (folder: string): string => readFileSync(join(folder, 'package-lock.json'), 'utf8')
