/** As test/server/hostile.test.ts, for longer. */
import { afterEach, expect, test } from 'vitest'
import { besiege } from '../server/attacks.ts'
import { closeServers } from '../support/sync-server.ts'

afterEach(closeServers)

test('ten thousand hostile requests are answered as the protocol says; the server lives, and nothing else is stored', async () => {
  const { answers } = await besiege(10_000)
  expect([...answers.values()].reduce((sum, n) => sum + n, 0)).toBe(10_000)
  console.log(Object.fromEntries(answers))
})
