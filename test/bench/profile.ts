/** CPU profiles of a page's threads. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Thread, Threads } from './threads.ts'

interface Node {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

export interface Profile {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
  /** µs between samples. */
  readonly timeDeltas: readonly number[]
}

const shown = 25

export interface Profiler {
  /** Writes one file a thread, to be opened in DevTools. @returns where the time went, as text */
  stop(folder: string, name: string): Promise<string>
}

/** Of a worker that dies before it is stopped nothing is left; of one that is born meanwhile all is there. */
export async function startProfiler(threads: Threads): Promise<Profiler> {
  const profiled = new Set<Thread>()
  const begin = async (thread: Thread): Promise<void> => {
    await thread.send('Profiler.enable')
    await thread.send('Profiler.setSamplingInterval', { interval: 200 })
    await thread.send('Profiler.start')
    profiled.add(thread)
  }
  // A worker that dies at once has nothing to tell.
  threads.onBorn((worker) => void begin(worker).catch(() => undefined))
  await Promise.allSettled(threads.all().map(begin))
  return {
    async stop(folder, name) {
      await mkdir(folder, { recursive: true })
      const texts: string[] = []
      for (const thread of threads.all().filter((each) => profiled.has(each))) {
        const profile = await stopped(thread)
        await writeFile(join(folder, `${name}.${thread.name}.cpuprofile`), JSON.stringify(profile))
        texts.push(`${name}, ${thread.name}\n${selfTimes(profile)}`)
      }
      return texts.join('\n')
    },
  }
}

async function stopped(thread: Thread): Promise<Profile> {
  const { profile } = (await thread.send('Profiler.stop')) as { readonly profile: Profile }
  return profile
}

export function selfTimes({ nodes, samples, timeDeltas }: Profile): string {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const times = new Map<string, number>()
  let total = 0
  for (const [index, id] of samples.entries()) {
    const ms = (timeDeltas[index] ?? 0) / 1000
    const name = nameOf(byId.get(id) as Node, callers)
    times.set(name, (times.get(name) ?? 0) + ms)
    total += ms
  }
  const longest = [...times].sort(([, a], [, b]) => b - a).slice(0, shown)
  return longest.map(([name, ms]) => `${ms.toFixed(1).padStart(9)} ms ${((ms * 100) / total).toFixed(1).padStart(5)} %  ${name}`).join('\n')
}

/** What the browser itself does is told apart by who called it: `put` alone says nothing. */
function nameOf({ id, callFrame: { functionName, url, lineNumber } }: Node, callers: ReadonlyMap<number, Node>): string {
  if (url !== '') return `${functionName || '(anonymous)'} ${url.replace(/^.*\//, '')}:${lineNumber + 1}`
  const caller = callers.get(id)
  return caller === undefined || caller.callFrame.functionName === '(root)' ? functionName : `${functionName} ← ${nameOf(caller, callers)}`
}
