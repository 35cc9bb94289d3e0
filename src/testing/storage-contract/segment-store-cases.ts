import type { SegmentBlock } from '../../storage/storage.ts'
import { assertSame } from './assert.ts'
import { contractCase } from './contract-case.ts'
import { checkpoint, oddValues } from './samples.ts'

const block = (index: string, run: number, place: number, ...bytes: number[]): SegmentBlock => ({
  index,
  run,
  block: place,
  bytes: new Uint8Array(bytes),
})

export const segmentStoreCases = [
  contractCase('a log without segments has no catalogue and no blocks', async ({ openLog }) => {
    const { segments } = await openLog()
    assertSame(await segments.catalogue(), { checkpoint: undefined, value: undefined }, 'catalogue')
    assertSame(await segments.blocks([{ index: 'ids', run: 0, block: 0 }]), [undefined], 'blocks')
  }),

  contractCase('blocks and catalogue come back as saved, blocks in the order asked', async ({ openLog }) => {
    const [{ segments }, other] = [await openLog(0), await openLog(1)]
    const puts = [block('ids', 1, 0, 1), block('ids', 1, 1, 2, 3), block('streams', 1, 0)]
    assertSame(
      await segments.save({ expected: undefined, checkpoint: checkpoint(4), catalogue: oddValues(), puts, removes: [] }),
      'saved',
      'save',
    )
    assertSame(await other.segments.catalogue(), { checkpoint: checkpoint(4), value: oddValues() }, 'catalogue')
    assertSame(
      await other.segments.blocks([
        { index: 'streams', run: 1, block: 0 },
        { index: 'ids', run: 1, block: 1 },
        { index: 'ids', run: 2, block: 0 },
        { index: 'ids', run: 1, block: 0 },
      ]),
      [new Uint8Array(), new Uint8Array([2, 3]), undefined, new Uint8Array([1])],
      'blocks',
    )
    assertSame(await other.segments.blocks([]), [], 'no blocks')
  }),

  contractCase('a block that is a view keeps its own bytes only', async ({ openLog }) => {
    const { segments } = await openLog()
    const shared = new Uint8Array([1, 2, 3, 4, 5, 6])
    const puts = [
      { index: 'ids', run: 0, block: 0, bytes: shared.subarray(0, 2) },
      { index: 'ids', run: 0, block: 1, bytes: shared.subarray(4) },
    ]
    await segments.save({ expected: undefined, checkpoint: checkpoint(1), catalogue: 'two views', puts, removes: [] })
    const read = await segments.blocks(puts)
    assertSame(read, [new Uint8Array([1, 2]), new Uint8Array([5, 6])], 'bytes')
    assertSame(
      read.map((bytes) => bytes?.buffer.byteLength),
      [2, 2],
      'bytes stored',
    )
  }),

  contractCase('a save removes whole runs and nothing beside them', async ({ openLog }) => {
    const { segments } = await openLog()
    const puts = [1, 2, 12].flatMap((run) => [block('ids', run, 0, run), block('ids', run, 1, run), block('streams', run, 0, run)])
    await segments.save({ expected: undefined, checkpoint: checkpoint(1), catalogue: 1, puts, removes: [] })
    const removes = [
      { index: 'ids', run: 1 },
      { index: 'ids', run: 12 },
      { index: 'ids', run: 99 },
    ]
    const merged = block('ids', 13, 0, 13)
    assertSame(
      await segments.save({ expected: checkpoint(1), checkpoint: checkpoint(2), catalogue: 2, puts: [merged], removes }),
      'saved',
      'save',
    )
    const left = await segments.blocks([...puts, merged])
    assertSame(
      left.map((bytes) => bytes?.[0]),
      [undefined, undefined, 1, 2, 2, 2, undefined, undefined, 12, 13],
      'blocks',
    )
    assertSame(await segments.catalogue(), { checkpoint: checkpoint(2), value: 2 }, 'catalogue')
  }),

  contractCase('a stale save of segments writes and removes nothing', async ({ openLog }) => {
    const { segments } = await openLog()
    await segments.save({ expected: undefined, checkpoint: checkpoint(1), catalogue: 'first', puts: [block('ids', 1, 0, 1)], removes: [] })
    for (const expected of [undefined, checkpoint(2), checkpoint(1, 'other')]) {
      const attempt = {
        expected,
        checkpoint: checkpoint(3),
        catalogue: 'late',
        puts: [block('ids', 2, 0, 2)],
        removes: [{ index: 'ids', run: 1 }],
      }
      assertSame(await segments.save(attempt), 'stale', 'save')
    }
    assertSame(await segments.catalogue(), { checkpoint: checkpoint(1), value: 'first' }, 'catalogue')
    const blocks = await segments.blocks([
      { index: 'ids', run: 1, block: 0 },
      { index: 'ids', run: 2, block: 0 },
    ])
    assertSame(blocks, [new Uint8Array([1]), undefined], 'blocks')
  }),
]
