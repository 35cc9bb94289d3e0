import { afterEach, describe, expect, test } from 'vitest'
import { type Realm, type RealmOptions, startRealm } from '../channel/realm.ts'
import { turns } from '../channel/turns.ts'

let realm: Realm
const start = (options?: RealmOptions): Realm => (realm = startRealm(options))
afterEach(() => realm.app.close())

const imported = (): readonly string[] => realm.worker.engine.imported

describe('an export', () => {
  test('is all pages one after the other, also past an empty one', async () => {
    start()
    expect(await new Response(realm.app.export()).text()).toBe('line 0\nline 2\nline 3\nline 4\n')
  })

  test('reads no further than is asked for', async () => {
    start()
    const reader = realm.app.export().getReader()
    await reader.read()
    await turns()
    expect(realm.worker.callsOf('exportPage').length).toBeLessThan(4)
    await reader.cancel()
  })

  test('goes on over the death of its worker', async () => {
    start()
    const reader = realm.app.export().getReader()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      text += new TextDecoder().decode(value)
      // Once it has shown that it lives, so that its successor comes at once.
      await turns()
      realm.worker.kill()
    }
    expect(text).toBe('line 0\nline 2\nline 3\nline 4\n')
  })
})

describe('an import', () => {
  test('gives the header, then every line, in pages', async () => {
    const pages: number[] = []
    start({
      prepare({ engine }) {
        const importPage = engine.importPage.bind(engine)
        engine.importPage = (lines) => {
          pages.push(lines.length)
          importPage(lines)
        }
      },
    })
    const lines = ['header', ...Array.from({ length: 1200 }, (_, i) => `{"record":${i},"name":"Käse"}`)]
    expect(await realm.app.import(new Blob([lines.join('\n')]))).toEqual({ records: 1200, events: 0 })
    expect(imported()).toEqual(lines)
    expect(pages.length).toBeGreaterThan(1)
    expect(Math.max(...pages)).toBeLessThan(1000)
  })

  test('takes a stream too, and joins lines, and letters, that it has cut', async () => {
    start()
    const bytes = new TextEncoder().encode('header\r\n{"name":"Käse"}\r\n\r\nlast')
    let at = 0
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at === bytes.length) controller.close()
        else controller.enqueue(bytes.subarray(at, ++at))
      },
    })
    await realm.app.import(stream)
    expect(imported()).toEqual(['header', '{"name":"Käse"}', 'last'])
  })

  test('of an empty file is refused', async () => {
    start()
    await expect(realm.app.import(new Blob(['\n']))).rejects.toMatchObject({ code: 'invalid-import' })
  })

  test('of a file that cannot be read ends with its error', async () => {
    start()
    const stream = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new RangeError('the disk is gone')) })
    await expect(realm.app.import(stream)).rejects.toThrow('the disk is gone')
  })

  test.each(['invalid-import', 'storage-full'] as const)(
    'that fails with %s leaves the app working, on a log that is empty again',
    async (code) => {
      start({ prepare: (worker) => (worker.engine.importFails = code) })
      const file = new Blob(['header\n', 'record\n'.repeat(2000)])
      await expect(realm.app.import(file)).rejects.toMatchObject({ code })
      await expect(realm.app.commands.stockItem.pick('a', { quantity: 1 })).resolves.toMatchObject({ ok: true })
      expect(realm.workers).toHaveLength(2)
    },
  )

  test('whose worker dies is begun again by the next one', async () => {
    start({
      prepare(worker) {
        if (realm === undefined || worker === realm.worker) return
        worker.engine.importPage = () => worker.kill()
      },
    })
    await realm.app.import(new Blob(['header\nrecord\n']))
    expect(imported()).toEqual(['header', 'record'])
  })
})
