/** `--host`: serves the demo to the whole network, by HTTPS, as browsers give a page its storage and its locks only then. */
import type { Plugin, PreviewServer, ViteDevServer } from 'vite'
import { certificateIn, fingerprintOf } from './certificate.ts'

/** Where the authority can be loaded from, to be installed on a phone. */
const authorityPath = '/stockroom-authority.crt'

/** @param folder where the certificate is kept */
export async function forPhones(folder: string): Promise<Plugin> {
  const { cert, key, authority } = await certificateIn(folder)

  const serve = (server: ViteDevServer | PreviewServer): void => {
    server.middlewares.use(authorityPath, (_request, response) => {
      response.setHeader('content-type', 'application/x-x509-ca-cert')
      response.end(authority)
    })
    const printAddresses = server.printUrls.bind(server)
    server.printUrls = () => {
      printAddresses()
      const { info } = server.config.logger
      info('\n  The certificate is self-made: browsers warn, once. It is the right one if they show this SHA-256 fingerprint:')
      info(`  ${fingerprintOf(cert)}`)
      info(`\n  So that the page starts without network on a phone, install the authority from ${authorityPath} there:`)
      info(`  ${fingerprintOf(authority)}`)
    }
  }
  return {
    name: 'for-phones',
    config: () => ({ server: { https: { cert, key } }, preview: { https: { cert, key } } }),
    configureServer: serve,
    configurePreviewServer: serve,
  }
}
