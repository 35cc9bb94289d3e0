/** The protocol's guide: its examples are a conversation that the schemas understand, and that the server holds word for word. */
import { readFileSync } from 'node:fs'
import { aggregate, domain } from 'outpost'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import * as protocol from '../../src/sync/protocol.ts'
import * as requests from '../../src/sync/requests.ts'
import { createTestClock } from '../support/clock.ts'
import { closeServers, send, startServer, unhurried } from '../support/sync-server.ts'

afterAll(closeServers)

const guide = readFileSync(new URL('../../src/sync/PROTOCOL.md', import.meta.url), 'utf8')
const json = (text: string | undefined): unknown => JSON.parse(text ?? '')

const conversation = [
  ...guide.matchAll(/<!-- example: (connect|push|pull) -->\n```json\n([^]*?)```\n<!-- answers: (\d+) -->\n```json\n([^]*?)```/g),
].map(([, route = '', request, status, answer]) => ({ route, request: json(request), status: Number(status), answer: json(answer) }))

const schemas = {
  connect: [requests.ConnectRequest, protocol.ConnectAnswer],
  push: [requests.PushRequest, protocol.PushAnswer],
  pull: [requests.PullRequest, protocol.PullAnswer],
} as const

describe('the examples of PROTOCOL.md', () => {
  test('are all found', () => {
    expect(conversation.map(({ route, status }) => `${route} ${status}`)).toEqual([
      'connect 200',
      'push 200',
      'push 409',
      'push 200',
      'pull 200',
    ])
    expect(guide.match(/```json/g)).toHaveLength(conversation.length * 2 + 1)
  })

  test.each(conversation)('$route $status: the schemas understand it, and leave nothing out', ({ route, request, status, answer }) => {
    const [Request, Answer] = schemas[route as keyof typeof schemas]
    expect(Request.parse(request)).toEqual(request)
    expect((status === 200 ? Answer : protocol.ErrorAnswer).parse(answer)).toEqual(answer)
  })

  test('are what the server says, word for word', async () => {
    const clock = createTestClock(1_766_000_000_000)
    const environment = { ...unhurried(clock), randomId: () => '7a0c9a52-6f0e-4a57-9d5a-0f6f5c1f0f11' }
    const server = startServer({ clock, environment })
    for (const { route, request, status, answer } of conversation) {
      const answered = await send(server, `/hall-7/${route}`, { token: 'ann', body: JSON.stringify(request) })
      expect(answered).toMatchObject({ status })
      expect(answered.body).toEqual(answer)
    }
  })

  test('of a change notice', () => {
    const change = json(/<!-- example: Change -->\n```json\n([^]*?)```/.exec(guide)?.[1])
    expect(protocol.Change.parse(change)).toEqual(change)
  })
})

describe('the tables of PROTOCOL.md', () => {
  const rowsOf = (name: string): string[][] =>
    (new RegExp(`<!-- codes: ${name} -->\\n(?:\\|.*\\n){2}((?:\\|.*\\n)+)`).exec(guide)?.[1] ?? '')
      .trim()
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim()))

  test('name every error code with its status', () => {
    expect(Object.fromEntries(rowsOf('errors').map(([, code, status]) => [code?.replaceAll('`', ''), Number(status)]))).toEqual(
      protocol.errorCodes,
    )
  })
  test('name every refusal of the server', () => {
    expect(rowsOf('refusals').map(([, name]) => name?.replaceAll('`', ''))).toEqual(Object.keys(protocol.serverRefusals))
  })
  test('and the versions', () => {
    expect(guide).toMatch(new RegExp(`^# The sync protocol, version ${protocol.PROTOCOL}\n`))
  })
})

describe('the schemas', () => {
  const sender = { protocol: 1, clientId: 'c', principal: 'p' }
  const command = { id: 'i', type: 't', schema: 1, payload: { json: null }, at: 0, correlationId: 'k' }
  const push = { ...sender, epoch: 'e', waiting: 0, commands: [{ sequence: 1, command }] }

  test('leave out what they do not know, so that neighbouring versions understand one another', () => {
    expect(
      requests.PushRequest.parse({ ...push, newer: 1, commands: [{ sequence: 1, command: { ...command, newer: { deep: 1 } } }] }),
    ).toEqual(push)
  })
  test.each([
    ['no Commands', { ...push, commands: [] }],
    ['a sequence of 0', { ...push, commands: [{ sequence: 0, command }] }],
    ['half a sequence', { ...push, commands: [{ sequence: 1.5, command }] }],
    ['no payload', { ...push, commands: [{ sequence: 1, command: { ...command, payload: {} } }] }],
    ['no id', { ...push, commands: [{ sequence: 1, command: { ...command, id: '' } }] }],
    ['a long client id', { ...push, clientId: 'x'.repeat(257) }],
    ['a schema of 0', { ...push, commands: [{ sequence: 1, command: { ...command, schema: 0 } }] }],
    ['no clock', { ...push, commands: [{ sequence: 1, command: { ...command, at: null } }] }],
    ['less than nothing waiting', { ...push, waiting: -1 }],
    ['a sequence beyond what numbers count', { ...push, commands: [{ sequence: 2 ** 53, command }] }],
    ['no principal', { ...push, principal: '' }],
  ])('refuse %s', (_, body) => {
    expect(requests.PushRequest.safeParse(body).success).toBe(false)
  })
  test('take a payload of any JSON, however deep, without walking it', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown
    const startedAt = performance.now()
    expect(
      requests.PushRequest.safeParse({ ...push, commands: [{ sequence: 1, command: { ...command, payload: { json: deep } } }] }).success,
    ).toBe(true)
    expect(performance.now() - startedAt).toBeLessThan(100)
    for (const json of [null, false, 0, '']) expect(protocol.WireValue.safeParse({ json }).success).toBe(true)
  })
})

test('no app can declare a refusal of a name that the server gives a meaning to', () => {
  for (const refusal of Object.keys(protocol.serverRefusals))
    expect(() =>
      domain('clash', {
        aggregates: [
          aggregate('thing', {
            state: z.object({}),
            events: { made: z.object({}) },
            commands: { make: z.object({}) },
            refusals: { [refusal]: z.object({}) },
            create: { made: () => ({}) },
            evolve: {},
            decide: { make: (_, __, { emit }) => emit.made({}) },
          }),
        ],
      }),
    ).toThrow(`refusal "${refusal}", which every Command has already`)
})
