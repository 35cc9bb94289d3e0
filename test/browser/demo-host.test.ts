/** The demo's server as `npm run demo` starts it: for this machine alone, and for phones on the network. */
import { spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { ownAddresses } from '../../demo/serve/certificate.ts'
import { fileOf, figuresOf, figuresOn, importFile } from '../demo/demo-page.ts'
import { independentFold } from '../demo/independent-fold.ts'
import { bin, buildDemo, root } from '../support/build.mjs'
import { launchChromium } from './support/chromium.ts'

beforeAll(() => {
  buildDemo()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Ends with its test. @returns what it printed, once it holds this */
async function startDemo(port: number, rest: readonly string[], awaited: RegExp): Promise<string> {
  const { VITEST: _, NODE_ENV: __, ...env } = process.env
  // Not in what `npm run demo` keeps here for whoever works on this.
  const folder = await mkdtemp(join(tmpdir(), 'outpost-demo-'))
  const server = spawn(process.execPath, [bin('vite'), 'preview', '--mode', 'demo', ...rest], {
    cwd: root,
    env: { ...env, PORT: String(port), SYNC_FOLDER: folder, NO_COLOR: '1' },
  })
  onTestFinished(async () => {
    if (server.exitCode === null) {
      server.kill()
      await once(server, 'exit')
    }
    await rm(folder, { recursive: true })
  })
  let printed = ''
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
  return new Promise((resolve, reject) => {
    server.once('exit', (status) => reject(new Error(`The server ended with ${status}:\n${printed}`)))
    server.stdout.on('data', () => {
      if (awaited.test(printed)) resolve(printed)
    })
  })
}

/** Of the machine that answers there. */
async function certificateAt(host: string, port: number): Promise<X509Certificate> {
  const socket: TLSSocket = connect({ host, port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const certificate = socket.getPeerX509Certificate()
  socket.destroy()
  if (certificate === undefined) throw new Error(`${host}:${port} shows no certificate.`)
  return certificate
}

const statusOf = (url: string, ca: string | undefined): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    get(url, { ...(ca === undefined ? { rejectUnauthorized: false } : { ca }) }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode, body }))
    }).on('error', reject)
  })

const onTheNetwork = ownAddresses().find((address) => !/^127\.|:/.test(address))

test('without a word it serves this machine alone, over HTTP', async () => {
  const port = await freePort()
  const printed = await startDemo(port, [], /Local:/)
  expect(printed).toContain(`http://127.0.0.1:${port}/`)
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
  if (onTheNetwork !== undefined) await expect(fetch(`http://${onTheNetwork}:${port}/`)).rejects.toThrow('fetch failed')
})

test(
  'with --host it serves the network over HTTPS, says where and how it is known, and a page there is whole',
  { timeout: 180_000 },
  async () => {
    const port = await freePort()
    const printed = await startDemo(port, ['--host'], /authority.*\n.*([0-9A-F]{2}:){31}/)
    const host = onTheNetwork ?? '127.0.0.1'
    const certificate = await certificateAt(host, port)
    expect(printed).toContain(certificate.fingerprint256)
    if (onTheNetwork !== undefined) expect(printed).toContain(`https://${onTheNetwork}:${port}/`)
    const authority = (await statusOf(`https://127.0.0.1:${port}/stockroom-authority.crt`, undefined)).body
    expect(printed).toContain(new X509Certificate(authority).fingerprint256)
    // Whoever trusts the authority is not warned.
    expect((await statusOf(`https://${host}:${port}/`, authority)).status).toBe(200)

    const known = createHash('sha256')
      .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64')
    const phone = await launchChromium({ args: [`--ignore-certificate-errors-spki-list=${known}`] })
    onTestFinished(() => phone.close())
    const page = await phone.newPage()
    await page.goto(`https://${host}:${port}/`)
    expect(await page.evaluate(() => isSecureContext)).toBe(true)
    await importFile(page, fileOf('BOLT,NUT\n'))
    expect(await figuresOn(page)).toEqual(figuresOf(independentFold('BOLT,NUT\n', 500, 50)))
    await page.evaluate(() => (location.hash = '#/settings'))
    await page.locator('dt', { hasText: 'Starts offline' }).locator('+ dd', { hasText: /^Yes$/ }).waitFor()
  },
)
