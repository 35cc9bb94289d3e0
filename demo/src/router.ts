/** Where one is, in the address's hash: `#/stock/22632?level=low`. A static file server needs to know nothing of it. */
import { useSyncExternalStore } from 'react'

export interface Route {
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    // Typed by hand, with a lone "%": taken as it stands.
    return part
  }
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  return { path: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) }
}

export type QueryValues = Readonly<Record<string, string | undefined>>

/** The address of a screen. Values that are empty are left out. */
export function href(path: readonly string[], values: QueryValues = {}): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value) query.set(key, value)
  const text = query.toString()
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`
}

export const goTo = (path: readonly string[], values?: QueryValues): void => {
  location.hash = href(path, values)
}

/** Changes the query of this screen without a step in the history: filters are not places. */
export function setQuery(changes: QueryValues): void {
  const { path, query } = parse(location.hash)
  history.replaceState(history.state, '', href(path, { ...Object.fromEntries(query), ...changes }))
  // The browser tells of no change that is made this way.
  dispatchEvent(new HashChangeEvent('hashchange'))
}

let parsed: { readonly hash: string; readonly route: Route } | undefined

const current = (): Route => {
  if (parsed?.hash !== location.hash) parsed = { hash: location.hash, route: parse(location.hash) }
  return parsed.route
}

const subscribe = (changed: () => void): (() => void) => {
  addEventListener('hashchange', changed)
  return () => removeEventListener('hashchange', changed)
}

export const useRoute = (): Route => useSyncExternalStore(subscribe, current)
