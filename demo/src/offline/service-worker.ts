/**
 * Keeps the page's files on the device, so that it starts without any network.
 *
 * Each build has a cache of its own, filled before the build is used at all, and all of a page's files come from one build.
 * A new build waits until a page asks for it. Pages of an older one may stay open beside it: what they still load (a worker
 * that replaces a dead one) comes from the older cache, which stays as long as they do.
 */
import { cachePrefix, openScripts, startNow } from './builds.ts'
import type { ServiceWorkerScope } from './service-worker-scope.ts'

declare const self: ServiceWorkerScope

const files = self.__WB_MANIFEST
const { scope } = self.registration
const addressOf = (path: string): string => new URL(path, scope).href
const pageAddress = addressOf('index.html')
const addresses = new Set(files.map(({ url }) => addressOf(url)))
// Their names change with their content: an older build's can be told by nothing else.
const hashed = addressOf('assets/')

const named = crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(files))).then((digest) => {
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${cachePrefix}${hex.slice(0, 16)}`
})

/** All files or none. Their content is checked: in the middle of a deployment a server may still have some of another build. */
async function keepBuild(): Promise<void> {
  const name = await named
  const cache = await caches.open(name)
  const requests = files.map(({ url, integrity }) => new Request(addressOf(url), { integrity, cache: 'no-cache' }))
  try {
    await cache.addAll(requests)
  } catch (cause) {
    await caches.delete(name)
    throw new Error('Not every file of the new build could be kept; the browser will try again.', { cause })
  }
}

/**
 * Deletes older builds. Those stay that an open page is of, and the one just before: a page of it may be about to load, and
 * hold no lock yet.
 */
async function forgetOldBuilds(): Promise<void> {
  const builds = (await caches.keys()).filter((name) => name.startsWith(cachePrefix))
  // In the order in which they were made: what comes after this one is on its way to replace it.
  const older = builds.slice(0, Math.max(0, builds.indexOf(await named) - 1))
  const { held = [] } = await navigator.locks.query()
  const open = openScripts(held)
  for (const name of older) {
    const cache = await caches.open(name)
    const found = await Promise.all(open.map((script) => cache.match(script)))
    if (found.every((file) => file === undefined)) await caches.delete(name)
  }
}

const lookUp: CacheQueryOptions = { ignoreVary: true }

async function fromThisBuild(address: string): Promise<Response | undefined> {
  return (await caches.open(await named)).match(address, lookUp)
}

/** The browser may have taken the cache away, to make room; then the network is all there is. */
const page = async (request: Request): Promise<Response> => (await fromThisBuild(pageAddress)) ?? fetch(request)
const file = async (request: Request): Promise<Response> =>
  (await fromThisBuild(request.url)) ?? (await caches.match(request.url, lookUp)) ?? fetch(request)

self.addEventListener('install', (event) => event.waitUntil(keepBuild()))
// Also the first page, which was loaded before there was a service worker, is served from now on.
self.addEventListener('activate', (event) => event.waitUntil(forgetOldBuilds().then(() => self.clients.claim())))
self.addEventListener('message', (event) => {
  if (event.data === startNow) event.waitUntil(self.skipWaiting())
})
self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET') return
  const address = request.url.replace(/[?#].*$/, '')
  if (request.mode === 'navigate') {
    if (address === scope || address === pageAddress) event.respondWith(page(request))
  } else if (addresses.has(address) || address.startsWith(hashed)) event.respondWith(file(request))
})
