/** A thousand hostile requests, the same each time: of so few, others might by chance leave a kind out. Ten thousand others are in test/long. */
import { afterEach, expect, test } from 'vitest'
import { closeServers } from '../support/sync-server.ts'
import { besiege } from './attacks.ts'

afterEach(closeServers)

test('a thousand hostile requests are answered as the protocol says; the server lives, and nothing else is stored', async () => {
  const { answers, refusals } = await besiege(1000, 2)
  // The attacks were of all kinds: none of these is met by chance alone.
  for (const code of [
    '200',
    'bad-request',
    'unauthenticated',
    'forbidden',
    'not-found',
    'method',
    'gap',
    'fork',
    'too-large',
    'media-type',
  ])
    expect(answers.get(code) ?? 0, code).toBeGreaterThan(0)
  expect(refusals.get('invalidCommand')).toBeGreaterThan(0)
  expect(['unauthorized', 'noSuchTimer', 'notParked'].reduce((sum, name) => sum + (refusals.get(name) ?? 0), 0)).toBeGreaterThan(0)
})
