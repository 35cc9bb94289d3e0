/** How the tests find a Chromium on machines that have one somewhere, and on those that only seem to. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findChromium } from './support/find-chromium.mjs'

let folders: readonly [string, string]
beforeEach(() => {
  const folder = () => mkdtempSync(join(tmpdir(), 'outpost-bin-'))
  folders = [folder(), folder()]
  vi.stubEnv('OUTPOST_CHROMIUM', '')
  vi.stubEnv('PATH', folders.join(delimiter))
})
afterEach(() => {
  vi.unstubAllEnvs()
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** A program that ends with this code, whatever it is asked. */
function program(folder: string, name: string, code: number): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\nexit ${code}\n`)
  chmodSync(path, 0o755)
  return path
}

describe.skipIf(process.platform === 'win32')('the Chromium of this machine', () => {
  test('is one that starts: what only says where to get one is passed over', () => {
    program(folders[0], 'chromium', 1)
    program(folders[0], 'chromium-browser', 1)
    const chrome = program(folders[1], 'google-chrome', 0)
    expect(findChromium()).toBe(chrome)
  })

  test('is the one that OUTPOST_CHROMIUM names, and none instead of it', () => {
    program(folders[0], 'chromium', 0)
    const own = program(folders[1], 'my-build', 0)
    vi.stubEnv('OUTPOST_CHROMIUM', own)
    expect(findChromium()).toBe(own)
    program(folders[1], 'my-build', 1)
    expect(() => findChromium()).toThrow(`OUTPOST_CHROMIUM is "${own}", which cannot be started`)
  })
})
