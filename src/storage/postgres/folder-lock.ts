/**
 * A lock on a folder that no death of a process leaves behind: a socket in it, on which the holder listens. The kernel knows whether
 * anybody does, which no number of a process in a file can tell: numbers are used again, and mean nothing in another container.
 *
 * Whoever wants it listens under a name of its own first, and only then looks for others: of two at least the later one sees the
 * other, so both never hold it. No name is used twice: a socket on which nobody listens is dead for good, and may be removed.
 *
 *     free ── listen, publish ──▶ asks ── nobody else is there ──▶ holds ── release, or death ──▶ free
 *                                 asks ── another holds it ──▶ refused
 *                                 asks ── another asks, whose name comes before ──▶ withdraws, and asks anew
 */
import { randomBytes } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { OutpostError } from '../../errors.ts'

const PUBLISHED = 'lock.'
/** Bound, but perhaps not listening yet, so that it would be taken for dead. */
const UNPUBLISHED = 'lock~'
const TOKEN_BYTES = 6
/** Whatever else lies in the folder is not ours to remove. */
const OURS = /^lock[.~][0-9a-f]{12}$/
const NAME_LENGTH = PUBLISHED.length + 2 * TOKEN_BYTES
/** What the system allows for the path of a socket, the shortest of them (macOS). */
const MAX_PATH = 103
const SILENCE_MS = 1_000
const RETRY_MS = 5

/** What a socket says to those who look; `gone` where nobody listens. */
type Standing = 'asks' | 'holds' | 'gone'

export class FolderLock {
  readonly #server: Server
  readonly #paths: readonly string[]

  private constructor(server: Server, paths: readonly string[]) {
    this.#server = server
    this.#paths = paths
  }

  /** @throws `storage-failed` where another process holds it */
  static async take(folder: string): Promise<FolderLock> {
    if (process.platform === 'win32') return new FolderLock(await listenOnPipe(folder), [])
    if (Buffer.byteLength(folder) + 1 + NAME_LENGTH > MAX_PATH) {
      const longest = MAX_PATH - 1 - NAME_LENGTH
      throw new OutpostError('storage-failed', `The path of the folder ${folder} is too long for a lock in it: at most ${longest} bytes.`, {
        folder,
      })
    }
    for (;;) {
      const others = await othersIn(folder)
      if (others.holding) throw held(folder)
      const lock = others.asking.length === 0 ? await FolderLock.#ask(folder) : undefined
      if (lock) return lock
      await delay(RETRY_MS * (1 + Math.random()))
    }
  }

  /** Works twice. */
  async release(): Promise<void> {
    for (const path of this.#paths) await rm(path, { force: true })
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Undefined where another came before: it is to be asked anew. */
  static async #ask(folder: string): Promise<FolderLock | undefined> {
    const token = randomBytes(TOKEN_BYTES).toString('hex')
    const [own, path, unpublished] = [PUBLISHED + token, join(folder, PUBLISHED + token), join(folder, UNPUBLISHED + token)]
    let standing: Standing = 'asks'
    const server = await listen(unpublished, () => standing, folder)
    const lock = new FolderLock(server, [unpublished, path])
    try {
      if (!(await published(unpublished, path))) return await withdrawn(lock)
      for (;;) {
        const others = await othersIn(folder, own)
        if (others.holding) throw held(folder)
        if (others.asking.length === 0) {
          standing = 'holds'
          return lock
        }
        if (others.asking.some((other) => other < own)) return await withdrawn(lock)
        await delay(RETRY_MS)
      }
    } catch (error) {
      await lock.release()
      throw error
    }
  }
}

async function withdrawn(lock: FolderLock): Promise<undefined> {
  await lock.release()
  return undefined
}

/** False where another took it for dead before it listened. */
async function published(unpublished: string, path: string): Promise<boolean> {
  try {
    await rename(unpublished, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Removes what is dead. */
async function othersIn(folder: string, own?: string): Promise<{ holding: boolean; asking: string[] }> {
  const names = (await readdir(folder)).filter((name) => name !== own && OURS.test(name))
  const standings = await Promise.all(
    names.map(async (name) => {
      const standing = await standingOf(join(folder, name))
      if (standing === 'gone') await rm(join(folder, name), { force: true })
      return standing
    }),
  )
  const asking = names.filter((name, at) => standings[at] === 'asks' && name.startsWith(PUBLISHED))
  return { holding: standings.includes('holds'), asking }
}

/** Windows has no sockets in folders, but named pipes, of which each has one holder, and which vanish with its process. */
const listenOnPipe = (folder: string): Promise<Server> =>
  listen(`\\\\.\\pipe\\outpost-${Buffer.from(folder.toLowerCase()).toString('base64url')}`, () => 'holds', folder)

const listen = (path: string, standing: () => Standing, folder: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => {}).end(standing()))
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(held(folder))
      else reject(new OutpostError('storage-failed', `The folder ${folder} cannot be locked (${error.message}).`, { folder }, error))
    })
    server.listen(path, () => resolve(server))
  })

const standingOf = (path: string): Promise<Standing> =>
  new Promise((resolve) => {
    let said = ''
    const socket = connect(path)
    socket.setEncoding('utf8').on('data', (text: string) => (said += text))
    // One that withdraws while it is being asked breaks off, or ends without a word.
    socket.once('end', () => resolve(said === 'holds' ? said : 'asks'))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve('gone')
      else resolve(code === 'ECONNRESET' || code === 'EPIPE' ? 'asks' : 'holds')
    })
    // A process that stands still says nothing, and may hold it all the same.
    socket.setTimeout(SILENCE_MS, () => {
      socket.destroy()
      resolve('holds')
    })
  })

const held = (folder: string): OutpostError =>
  new OutpostError(
    'storage-failed',
    `Another process has the data in ${folder} open: end that one first, give this one another folder, or set DATABASE_URL, which several processes may share.`,
    { folder },
  )
