/** The simulated network between a device and its servers. */
import { expect, test } from 'vitest'
import { Link } from '../../src/testing/simulation/link.ts'
import { Process } from '../../src/testing/simulation/process.ts'
import { createRandom } from '../../src/testing/simulation/random.ts'
import type { Servers } from '../../src/testing/simulation/servers.ts'
import { VirtualClock } from '../../src/testing/simulation/virtual-clock.ts'

test('a request that is given up in the moment in which its server goes down fails once, and leaves nothing uncaught', async () => {
  const clock = new VirtualClock(0)
  const givenUp = new AbortController()
  const goingDown = {
    handle() {
      givenUp.abort()
      return Promise.reject(new Error('The server is gone'))
    },
  } as unknown as Servers
  const uncaught: unknown[] = []
  const hear = (thrown: unknown): void => void uncaught.push(thrown)
  process.on('unhandledRejection', hear)
  const seen: string[] = []
  const link = new Link(goingDown, clock, createRandom('link'), (what) => seen.push(what))
  const answer = link.of(new Process(clock))('http://server.test/', { method: 'POST', body: '', signal: givenUp.signal })
  await Promise.all([expect(answer).rejects.toMatchObject({ name: 'AbortError' }), clock.run(1_000)])
  await new Promise((resolve) => setTimeout(resolve, 0))
  process.off('unhandledRejection', hear)
  expect(uncaught).toEqual([])
  expect(seen).toEqual(['reset'])
})
