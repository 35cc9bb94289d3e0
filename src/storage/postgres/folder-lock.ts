/**
 * A lock on a folder that no death of a process leaves behind: a socket in it, on which the holder listens. The kernel knows whether
 * anybody does, which no number of a process in a file can tell: numbers are used again, and mean nothing in another container.
 *
 *     free ── listen ──▶ held ── release, or death ──▶ free, or an abandoned socket ── moved away ──▶ free
 */
import { randomUUID } from 'node:crypto'
import { link, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { OutpostError } from '../../errors.ts'

/** What the system allows for the path of a socket, the shortest of them (macOS). */
const MAX_PATH = 103
/** How long one who took over an abandoned lock waits for others who saw it abandoned too, before it counts on it. */
const SETTLE_MS = 100
const SILENCE_MS = 1_000

export class FolderLock {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** @throws `storage-failed` where another process holds it */
  static async take(folder: string): Promise<FolderLock> {
    const path = socketIn(folder)
    const token = randomUUID()
    let takenOver = false
    for (;;) {
      const server = await listen(path, token, folder)
      if (server) {
        const lock = new FolderLock(server)
        if (!takenOver) return lock
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
        if ((await holderOf(path)) === token) return lock
        await lock.release()
        throw held(folder)
      }
      if ((await holderOf(path)) !== undefined) throw held(folder)
      await moveAway(path, folder)
      takenOver = true
    }
  }

  /** Works twice. */
  release(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

function socketIn(folder: string): string {
  // Windows has no sockets in folders, but named pipes, which vanish with their process.
  if (process.platform === 'win32') return `\\\\.\\pipe\\outpost-${Buffer.from(folder.toLowerCase()).toString('base64url')}`
  const path = join(folder, 'lock')
  if (Buffer.byteLength(path) <= MAX_PATH) return path
  throw new OutpostError(
    'storage-failed',
    `The path of the folder ${folder} is too long for a lock in it: at most ${MAX_PATH - 5} bytes.`,
    { folder },
  )
}

/** Undefined where the path is taken. */
const listen = (path: string, token: string, folder: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => {}).end(token))
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(new OutpostError('storage-failed', `The folder ${folder} cannot be locked (${error.message}).`, { folder }, error))
    })
    server.listen(path, () => resolve(server))
  })

/** What the holder says; undefined where nobody listens. */
const holderOf = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    let said = ''
    const socket = connect(path)
    socket.setEncoding('utf8').on('data', (text: string) => (said += text))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? undefined : said))
    socket.once('end', () => resolve(said))
    // A holder that stands still says nothing, and holds it all the same.
    socket.setTimeout(SILENCE_MS, () => {
      socket.destroy()
      resolve(said)
    })
  })

/** Moves an abandoned socket away; one that turns out alive, because another was quicker, is put back. */
async function moveAway(path: string, folder: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const alive = (await holderOf(aside)) !== undefined
  try {
    if (alive) await link(aside, path)
  } catch (error) {
    // Another took the place meanwhile: the one moved away finds that out before it counts on it, see SETTLE_MS.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(aside)
  }
  if (alive) throw held(folder)
}

const held = (folder: string): OutpostError =>
  new OutpostError(
    'storage-failed',
    `Another process has the data in ${folder} open: end that one first, give this one another folder, or set DATABASE_URL, which several processes may share.`,
    { folder },
  )
