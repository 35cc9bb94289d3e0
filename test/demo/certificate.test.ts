import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { certificateIn, fingerprintOf } from '../../demo/serve/certificate.ts'

const day = 86_400_000
const addresses = ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7']

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outpost-certificate-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a certificate names this machine’s addresses, and is signed by an authority that can sign no other', async () => {
  const { cert, key, authority } = await certificateIn(folder, addresses)
  const own = new X509Certificate(cert)
  const signer = new X509Certificate(authority)
  expect(addresses.map((address) => own.checkIP(address) === undefined)).toEqual(addresses.map(() => false))
  expect(own.checkIP('192.0.2.8')).toBeUndefined()
  expect(own.checkHost('localhost')).toBe('localhost')
  expect(own.checkPrivateKey(createPrivateKey(key))).toBe(true)
  expect([own.checkIssued(signer), own.verify(signer.publicKey), own.ca, signer.ca]).toEqual([true, true, false, true])
  // The one key in the file is the machine's own.
  const kept = await readFile(join(folder, 'certificate.json'), 'utf8')
  expect(kept.match(/BEGIN [A-Z ]*PRIVATE KEY/g)).toHaveLength(1)
  expect(signer.checkPrivateKey(createPrivateKey(key))).toBe(false)
  expect((await stat(join(folder, 'certificate.json'))).mode & 0o077).toBe(0)
})

test('it is kept, so that a device is asked once', async () => {
  const first = await certificateIn(folder, addresses)
  const again = await certificateIn(folder, addresses.slice(1))
  expect(fingerprintOf(again.cert)).toBe(fingerprintOf(first.cert))
  expect(fingerprintOf(first.cert)).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
})

test('another one takes its place where it lacks an address, or is about to end', async () => {
  const now = Date.now()
  const first = await certificateIn(folder, addresses, now)
  const wider = await certificateIn(folder, [...addresses, '198.51.100.1'], now)
  expect(fingerprintOf(wider.cert)).not.toBe(fingerprintOf(first.cert))
  expect(new X509Certificate(wider.cert).checkIP('198.51.100.1')).toBeDefined()
  const later = await certificateIn(folder, addresses, now + 360 * day)
  expect(fingerprintOf(later.cert)).not.toBe(fingerprintOf(wider.cert))
  expect(Date.parse(new X509Certificate(later.cert).validTo)).toBeGreaterThan(now + 700 * day)
})

test('one that cannot be read is named, and not written over', async () => {
  const path = join(folder, 'certificate.json')
  await writeFile(path, '{ torn')
  await expect(certificateIn(folder, addresses)).rejects.toThrow(`${path} holds no certificate. Delete it`)
  expect(await readFile(path, 'utf8')).toBe('{ torn')
})
