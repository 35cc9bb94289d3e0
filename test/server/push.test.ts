/** Pushing: every Command is processed exactly once, in its client's order, whatever is wrong with it. */
import { aggregate, command as versioned, domain } from 'outpost'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { derivedId } from '../../src/domain/id.ts'
import { fromWire } from '../../src/sync/wire-value.ts'
import { settle } from '../support/clock.ts'
import { closeServers, codeOf, command, Device, eventsOf, startServer, withdrawnId } from '../support/sync-server.ts'

afterEach(closeServers)

const register = (sku: string, more?: object) => command('stockItem.register', sku, { name: sku }, more)
const receive = (sku: string, quantity: number, more?: object) => command('stockItem.receive', sku, { quantity }, more)
const pick = (sku: string, quantity: number, more?: object) => command('stockItem.pick', sku, { quantity }, more)
const outcomes = ({ processed }: Awaited<ReturnType<Device['push']>>) =>
  processed.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.refusal))

describe('a push', () => {
  test('is decided in order by the domain, consequences included, and what came of it is pulled', async () => {
    const ann = new Device(startServer())
    const answer = await ann.push([register('bolt'), receive('bolt', 7), pick('bolt', 9), pick('bolt', 4)])
    expect(outcomes(answer)).toEqual(['ok', 'ok', 'outOfStock', 'ok'])
    expect(answer.held).toBeNull()
    const records = await ann.pull()
    const opened = records.flatMap(({ events }) => events).find(({ type }) => type === 'purchaseOrder.opened')
    expect(eventsOf(records)).toEqual([
      'stockItem.registered bolt 1',
      'stockItem.received bolt 2',
      'stockItem.picked bolt 3',
      `purchaseOrder.opened ${opened?.aggregateId} 1`,
    ])
  })

  test('sent again is answered with the recorded outcomes, and nothing happens twice', async () => {
    const ann = new Device(startServer())
    const commands = ann.number([register('bolt'), receive('bolt', 2), pick('bolt', 3)])
    const first = await ann.pushed(commands)
    const again = await ann.pushed(commands)
    expect(again.processed).toEqual(first.processed)
    expect(again.place).toEqual(first.place)
    expect(eventsOf(await ann.pull())).toHaveLength(2)
  })

  test('that overlaps with an earlier one goes on behind it', async () => {
    const ann = new Device(startServer())
    const commands = ann.number([register('bolt'), receive('bolt', 2), receive('bolt', 3)])
    await ann.pushed(commands.slice(0, 2))
    const answer = await ann.pushed(commands)
    expect(answer.processed.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(eventsOf(await ann.pull())).toHaveLength(3)
  })

  test('that is sent many times at once takes effect once', async () => {
    const ann = new Device(startServer())
    await ann.connect()
    const commands = ann.number([register('bolt'), receive('bolt', 2), receive('bolt', 3)])
    const answers = await Promise.all(Array.from({ length: 20 }, () => ann.pushed(commands)))
    for (const answer of answers) expect(answer.processed).toEqual(answers[0]?.processed)
    expect(eventsOf(await ann.pull())).toHaveLength(3)
  })

  test('of more Commands than a commit takes is processed to its end', async () => {
    const ann = new Device(startServer({ limits: { pushCommands: 2000 } }))
    const answer = await ann.push([register('bolt'), ...Array.from({ length: 1500 }, () => receive('bolt', 1))])
    expect(outcomes(answer)).toEqual(Array.from({ length: 1501 }, () => 'ok'))
    expect((await ann.connect()).client?.sequence).toBe(1501)
  })

  test('behind hundreds that are known already takes effect once: what was not looked for in the log is not new for that', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const device = (clientId: string): Device => new Device(server, { clientId })
    const [ann, bea, busy, renamed] = [device('ann'), device('bea'), device('busy'), device('renamed')]
    const many = (sku: string) => [register(sku), ...Array.from({ length: 499 }, () => receive(sku, 1))]
    const [annsPush, beasPush] = [ann.number(many('bolt')), bea.number(many('nut'))]
    await ann.pushed(annsPush)
    await bea.pushed(beasPush)
    for (const each of [busy, renamed]) await each.connect()
    // While one is committed, the others gather.
    const commit = storage.faults.pause('events.append')
    const first = busy.push([register('screw')])
    await commit.reached
    const sent = [ann.pushed(annsPush), bea.pushed(beasPush), renamed.push(annsPush.slice(0, 100).map(({ command }) => command))]
    await settle()
    commit.release()
    const answers = await Promise.all([first, ...sent])
    expect(answers.map(({ processed }) => processed.length)).toEqual([1, 500, 500, 100])
    expect(eventsOf(await ann.pull())).toHaveLength(1001)
  })

  test('with a known sequence and another Command is a fork: hazard 36', async () => {
    const ann = new Device(startServer())
    await ann.push([register('bolt'), receive('bolt', 1)])
    const last = await ann.tryPush([{ sequence: 2, command: receive('bolt', 5) }])
    expect(codeOf(last)).toBe('409 fork')
    expect(last.body).toMatchObject({ error: { sequence: 2, commandId: (await ann.connect()).client?.commandId } })
    const earlier = await ann.tryPush([{ sequence: 1, command: receive('bolt', 5) }])
    expect(codeOf(earlier)).toBe('409 fork')
    expect(earlier.body).toMatchObject({ error: { sequence: 1 } })
    const exchanged = ann.number([receive('bolt', 2)])
    await ann.pushed(exchanged)
    expect(codeOf(await ann.tryPush([{ sequence: 1, command: exchanged[0]!.command }])), 'a Command of its own, in another place').toBe(
      '409 fork',
    )
    expect(eventsOf(await ann.pull())).toHaveLength(3)
  })

  test('that forks in its middle has processed what stands before', async () => {
    const ann = new Device(startServer())
    const commands = ann.number([register('bolt'), receive('bolt', 1)])
    await ann.pushed(commands)
    const [first] = commands
    expect(codeOf(await ann.tryPush([first!, { sequence: 2, command: receive('bolt', 9) }]))).toBe('409 fork')
    expect((await ann.connect()).client?.sequence).toBe(2)
  })

  test('with a gap tells where to go on, and stores nothing', async () => {
    const ann = new Device(startServer())
    await ann.push([register('bolt')])
    const answer = await ann.tryPush([{ sequence: 3, command: receive('bolt', 5) }])
    expect(codeOf(answer)).toBe('409 gap')
    expect(answer.body).toMatchObject({ error: { sequence: 3, expected: 2 } })
    expect((await ann.connect()).client?.sequence).toBe(1)
  })

  test('of another epoch is not processed: the server was restored', async () => {
    const ann = new Device(startServer())
    await ann.connect()
    ann.epoch = 'another'
    expect(codeOf(await ann.tryPush([{ sequence: 1, command: register('bolt') }]))).toBe('409 restored')
    expect(codeOf(await ann.post('pull', { epoch: 'another', after: 0 }))).toBe('409 restored')
    expect((await ann.connect()).place.head).toBe(0)
  })

  test('hazard 20: a Command that came under another sequence is a record of its own without Events, with the first outcome', async () => {
    const server = startServer()
    const [ann, again] = [new Device(server), new Device(server, { clientId: 'ann-2' })]
    const [bolt, late] = [register('bolt'), pick('bolt', 1)]
    const first = await ann.push([bolt, late])
    const second = await again.push([late, bolt, receive('bolt', 1)])
    expect(second.processed.map(({ outcome }) => outcome)).toEqual([first.processed[1]?.outcome, first.processed[0]?.outcome, { ok: true }])
    const records = await again.pull()
    const duplicates = records.flatMap(({ commands }) => commands).filter(({ clientId }) => clientId === 'ann-2')
    expect(duplicates.map(({ duplicateOf }) => duplicateOf)).toEqual([first.processed[1]?.record, first.processed[0]?.record, undefined])
    expect(eventsOf(records)).toEqual(['stockItem.registered bolt 1', 'stockItem.received bolt 2'])
  })

  test('keeps the place of a withdrawn Command, also when it is sent again', async () => {
    const ann = new Device(startServer())
    const commands = ann.number([register('bolt'), null, receive('bolt', 1)])
    for (const answer of [await ann.pushed(commands), await ann.pushed(commands)])
      expect(answer.processed.map(({ sequence, commandId }) => [sequence, commandId])).toEqual([
        [1, commands[0]?.command?.id],
        [2, withdrawnId('ann-1', 2)],
        [3, commands[2]?.command?.id],
      ])
    const withdrawn = (await ann.pull()).flatMap(({ commands: all }) => all).filter((each) => each.withdrawn)
    expect(withdrawn).toMatchObject([{ sequence: 2, clientId: 'ann-1', outcome: { ok: true } }])
    expect(codeOf(await ann.tryPush([{ sequence: 2, command: receive('bolt', 1) }]))).toBe('409 fork')
  })

  test('needs consecutive sequences, and not too many', async () => {
    const ann = new Device(startServer({ limits: { pushCommands: 2 } }))
    const commands = ann.number([register('a'), register('b'), register('c')])
    expect(codeOf(await ann.tryPush([commands[0]!, commands[2]!]))).toBe('400 bad-request')
    expect(codeOf(await ann.tryPush([commands[1]!, commands[0]!]))).toBe('400 bad-request')
    expect(codeOf(await ann.tryPush(commands))).toBe('413 too-large')
    expect((await ann.connect()).place.head).toBe(0)
  })
})

describe('what is wrong with a Command is its outcome, and blocks nothing behind it (hazard 30)', () => {
  const odd = aggregate('odd', {
    state: z.object({}),
    events: { happened: z.object({}) },
    commands: {
      throws: z.object({}),
      defers: z.object({}),
      renamed: versioned(z.object({ name: z.string(), unit: z.string() }), {
        version: 3,
        upcast: {
          1: ({ label }: { label: string }) => ({ name: label }),
          2: ({ name }: { name: string }) => {
            if (name === 'bad') throw new Error('a secret of the upcaster')
            return { name, unit: 'piece' }
          },
        },
        aliases: ['titled'],
      }),
    },
    create: { happened: () => ({}) },
    evolve: { happened: () => ({}) },
    decide: {
      throws: () => {
        throw new Error('a secret of the server')
      },
      defers: (() => Promise.resolve([])) as never,
      renamed: (_, { unit }, { emit }) => (unit === 'piece' ? emit.happened({}) : []),
    },
  })
  const odds = domain('odds', { aggregates: [odd] })

  test.each([
    ['a payload that does not fit its schema', command('stockItem.receive', 'bolt', { quantity: -1 }), 'invalidCommand'],
    ['a payload of another kind', command('stockItem.receive', 'bolt', ['quantity']), 'invalidCommand'],
    ['an empty id of its Aggregate', command('stockItem.receive', '', { quantity: 1 }), 'invalidCommand'],
    ['a long id of its Aggregate', command('stockItem.receive', 'ü'.repeat(513), { quantity: 1 }), 'invalidCommand'],
    ['a long id in what it loads', command('fulfilment.placeOrder', undefined, { orderId: 'o'.repeat(1025), lines: {} }), 'invalidCommand'],
    ['no id of its Aggregate', command('stockItem.receive', undefined, { quantity: 1 }), 'invalidCommand'],
    ['a payload packed by nobody', { ...receive('bolt', 1), payload: { packed: 'not packed' } }, 'invalidCommand'],
    ['a payload that unfolds without end', { ...receive('bolt', 1), payload: { packed: '[[0,0]]' } }, 'invalidCommand'],
    ['a payload with a pollution key', { ...receive('bolt', 1), payload: { packed: '[{"__proto__":1},1]' } }, 'invalidCommand'],
    ['a class instance', { ...receive('bolt', 1), payload: { packed: '[["URL","http://a"]]' } }, 'invalidCommand'],
    ['a list that claims to be long', { ...receive('bolt', 1), payload: { packed: '[[-7,4294967295]]' } }, 'invalidCommand'],
  ])('%s', async (_, faulty, refusal) => {
    const ann = new Device(startServer())
    expect(outcomes(await ann.push([register('bolt'), faulty, receive('bolt', 1)]))).toEqual(['ok', refusal, 'ok'])
    const [details] = (await ann.pull()).flatMap(({ commands }) => commands.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome.details])))
    expect(fromWire(details!)).toMatchObject({ message: expect.any(String) as string })
  })

  test('a handler that throws or gives a promise: the device is told no more than that', async () => {
    const server = startServer({ domain: odds })
    const ann = new Device(server)
    const answer = await ann.push([
      command('odd.throws', 'o', {}),
      command('odd.defers', 'o', {}),
      command('odd.titled', 'o', { label: 'x' }),
    ])
    expect(outcomes(answer)).toEqual(['decideFailed', 'decideFailed', 'ok'])
    expect(JSON.stringify([answer, await ann.pull()])).not.toMatch(/secret|Error|Promise/)
    expect(server.entries.filter(({ event }) => event === 'command-fault')).toMatchObject([
      { space: 'hall-7', commandType: 'odd.throws', fault: expect.stringContaining('a secret of the server') as string },
      { commandType: 'odd.defers' },
    ])
  })

  test('hazard 27: an older version, under a former name, is brought to this build’s; one that cannot be is refused', async () => {
    const server = startServer({ domain: odds })
    const ann = new Device(server)
    const answer = await ann.push([
      command('odd.titled', 'o', { label: 'x' }),
      command('odd.renamed', 'o', { name: 'y' }, { schema: 2 }),
      command('odd.renamed', 'o', { name: 'bad' }, { schema: 2 }),
      command('odd.renamed', 'o', { name: 'z', unit: 'kg' }, { schema: 3 }),
    ])
    expect(outcomes(answer)).toEqual(['ok', 'ok', 'invalidCommand', 'ok'])
    expect(JSON.stringify(await ann.pull())).not.toMatch(/secret/)
    expect(server.entries).toContainEqual(
      expect.objectContaining({ event: 'command-fault', fault: expect.stringContaining('a secret of the upcaster') as string }),
    )
    expect(eventsOf(await ann.pull())).toEqual(['odd.happened o 1', 'odd.happened o 2'])
  })

  test('expiresAt and expectedVersion are not judged here: the device has, once', async () => {
    const ann = new Device(startServer())
    const expired = { ...register('bolt'), expiresAt: 1, expectedVersion: 7 }
    expect(outcomes(await ann.push([expired]))).toEqual(['ok'])
  })

  test('Events that a push brings along are ignored', async () => {
    const ann = new Device(startServer())
    const forged = {
      type: 'stockItem.received',
      aggregateId: 'bolt',
      version: 1,
      data: { quantity: 1e6 },
      schema: 1,
      command: 0,
      ordinal: 0,
    }
    await ann.connect()
    await ann.post('push', {
      epoch: ann.epoch,
      commands: ann.number([{ ...register('bolt'), ...{ events: [forged], outcome: { ok: true }, origin: { clientId: 'x' } } }]),
      events: [forged],
      waiting: 0,
    })
    const records = await ann.pull()
    expect(eventsOf(records)).toEqual(['stockItem.registered bolt 1'])
    expect(records[0]?.commands).toMatchObject([{ clientId: 'ann-1', sequence: 1, outcome: { ok: true } }])
  })
})

test('nobody takes the place of a consequence before it comes: ids that follow from others are not given by clients', async () => {
  const ann = new Device(startServer())
  const cause = pick('bolt', 1)
  const coming = derivedId('command', `${cause.id}.0`, 'reorder', 0)
  const answer = await ann.push([register('bolt'), receive('bolt', 2), receive('bolt', 1, { id: coming }), cause])
  expect(outcomes(answer)).toEqual(['ok', 'ok', 'invalidCommand', 'ok'])
  const commands = (await ann.pull()).flatMap(({ commands: all }) => all)
  expect(commands.filter(({ id }) => id === coming)).toMatchObject([
    { type: 'stockItem.receive', outcome: { ok: false } },
    { type: 'purchaseOrder.open', outcome: { ok: true } },
  ])
})

describe('a server that is older than the app', () => {
  test('holds the client’s queue at the first Command that it does not know, says so, and stores nothing of it', async () => {
    const server = startServer()
    const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
    const commands = ann.number([register('bolt'), command('stockItem.paint', 'bolt', {}), receive('bolt', 1)])
    const answer = await ann.pushed(commands)
    expect(answer.processed).toHaveLength(1)
    expect(answer.held).toEqual({ sequence: 2, type: 'stockItem.paint' })
    expect(await ann.pushed(commands.slice(1))).toMatchObject({ processed: [], held: { sequence: 2 } })
    expect(answer.place.head).toBe((await ann.connect()).place.head)
    expect(await bob.give('stockItem.receive', 'bolt', { quantity: 3 })).toBe('ok')
  })

  test('holds a Command of a newer version as well', async () => {
    const ann = new Device(startServer())
    expect(await ann.push([command('stockItem.receive', 'bolt', {}, { schema: 2 })])).toMatchObject({
      processed: [],
      held: { sequence: 1, type: 'stockItem.receive' },
    })
  })

  test('goes on with it once it is newer: the same log, another build', async () => {
    const storage = createMemoryStorage()
    const parts = { state: z.object({}), create: { made: () => ({}) }, evolve: {} }
    const older = domain('things', {
      aggregates: [
        aggregate('thing', {
          ...parts,
          events: { made: z.object({}) },
          commands: { make: z.object({}) },
          decide: { make: (_, __, { emit }) => emit.made({}) },
        }),
      ],
    })
    const newer = domain('things', {
      aggregates: [
        aggregate('thing', {
          ...parts,
          events: { made: z.object({}) },
          commands: { make: z.object({}), paint: z.object({}) },
          decide: { make: (_, __, { emit }) => emit.made({}), paint: () => [] },
        }),
      ],
    })
    const before = startServer({ domain: older, storage })
    const ann = new Device(before)
    const commands = ann.number([command('thing.make', 't', {}), command('thing.paint', 't', {})])
    expect((await ann.pushed(commands)).held).toEqual({ sequence: 2, type: 'thing.paint' })
    await before.close()
    const after = startServer({ domain: newer, storage })
    expect(await ann.pushed(commands, 0, after)).toMatchObject({ held: null, processed: [{ sequence: 1 }, { sequence: 2 }] })
  })
})
