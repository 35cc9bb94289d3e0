/** A certificate for this machine's addresses, made here: what a phone on the network needs to be given a secure page. */
import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface Certificate {
  /** PEM: the machine's certificate, and the authority that signed it. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** PEM. A device that trusts it trusts the certificate above and nothing else: its key was thrown away. */
  readonly authority: string
}

const day = 86_400_000
// Browsers take no certificate for longer (398 days), and nobody wants a demo to be trusted for years.
const validDays = 365

/** All that this machine can be reached by, itself included. */
export const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    // Link-local ones carry a zone, which no certificate can name.
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address)

/** Whether the certificate is good for all of these addresses, and for some days more. */
const serves = ({ cert }: Certificate, addresses: readonly string[], now: number): boolean => {
  const certificate = new X509Certificate(cert)
  return Date.parse(certificate.validTo) - now > 7 * day && addresses.every((address) => certificate.checkIP(address) !== undefined)
}

async function make(addresses: readonly string[], now: number): Promise<Certificate> {
  const lifetime = { notBeforeDate: new Date(now - day), notAfterDate: new Date(now + validDays * day) }
  const common = { ...lifetime, algorithm: 'sha256', keyType: 'ec', curve: 'P-256' } as const
  // Letters, digits and blanks only: the name is handed on as text, in which commas mean something.
  const authority = await generate(
    [{ name: 'commonName', value: `Stockroom demo authority ${new Date(now).toISOString().slice(0, 10)}` }],
    {
      ...common,
      extensions: [
        { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
        { name: 'keyUsage', keyCertSign: true, critical: true },
      ],
    },
  )
  const own = await generate([{ name: 'commonName', value: 'Stockroom demo' }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, ...addresses.map((ip) => ({ type: 7, ip }) as const)] },
    ],
  })
  return { cert: `${own.cert.trim()}\n${authority.cert.trim()}\n`, key: own.private, authority: authority.cert }
}

async function readKept(path: string): Promise<Certificate | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Certificate
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path} holds no certificate. Delete it, and another one is made.`, { cause })
  }
}

/**
 * The certificate that is kept in the folder; another one where there is none, where it is about to end, and where this machine
 * has got an address that it does not name.
 */
export async function certificateIn(folder: string, addresses = ownAddresses(), now = Date.now()): Promise<Certificate> {
  const path = join(folder, 'certificate.json')
  const kept = await readKept(path)
  if (kept !== undefined && serves(kept, addresses, now)) return kept
  const made = await make(addresses, now)
  await mkdir(folder, { recursive: true })
  // It holds a key: for nobody else on this machine to read.
  await writeFile(path, JSON.stringify(made, null, 2), { mode: 0o600 })
  return made
}

/** As browsers show it. */
export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256
