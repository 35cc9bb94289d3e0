/** What surrounds every screen: the name, the ways to go, how the book is doing. */
import { useEffect, useRef, type ReactNode } from 'react'
import { identity, space } from '../app.ts'
import { href, useRoute } from '../router.ts'
import { Icon, type IconName } from './icon.tsx'
import { InboxCount } from './inbox-list.tsx'
import { NewerBuild } from './newer-build.tsx'
import { Alerts, StatusBar } from './status-bar.tsx'
import { SyncBar } from './sync-bar.tsx'

const places: readonly {
  readonly path: string
  readonly label: string
  readonly short?: string
  readonly icon: IconName
  readonly desk?: true
}[] = [
  { path: '', label: 'Start', icon: 'start' },
  { path: 'stock', label: 'Stock', icon: 'stock' },
  { path: 'orders', label: 'Orders', icon: 'orders' },
  { path: 'purchases', label: 'Purchase Orders', short: 'Purchases', icon: 'purchases' },
  { path: 'inbox', label: 'Inbox', icon: 'inbox' },
  { path: 'devices', label: 'Two devices', icon: 'devices', desk: true },
  { path: 'import', label: 'Import', icon: 'import', desk: true },
  { path: 'log', label: 'Log', icon: 'log', desk: true },
  { path: 'measure', label: 'Measure', icon: 'measure', desk: true },
  { path: 'settings', label: 'Settings', short: 'More', icon: 'settings' },
]

export function Shell({ children }: { readonly children: ReactNode }) {
  const { path } = useRoute()
  const [here = ''] = path
  const place = path.join('/')
  const before = useRef(place)
  useEffect(() => {
    if (before.current === place) return
    before.current = place
    // A new screen begins at its heading, for eyes and screen readers alike.
    scrollTo(0, 0)
    document.getElementById('title')?.focus({ preventScroll: true })
  }, [place])
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => document.getElementById('title')?.focus()}>
        Skip to the content
      </button>
      <header className="top">
        <a className="brand" href={href([])}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M8 22h16M8 16h16M8 10h10" />
          </svg>
          <span>
            Stockroom
            <small>{identity.signedIn ? `${space} · ${identity.name}` : space}</small>
          </span>
        </a>
        <nav className="places" aria-label="Screens">
          {places.map(({ path: to, label, short, icon, desk }) => (
            <a key={to} href={href(to === '' ? [] : [to])} className={desk ? 'desk' : ''} aria-current={here === to ? 'page' : undefined}>
              <Icon name={icon} />
              <span className={short ? 'long' : ''}>{label}</span>
              {short && <span className="short-label">{short}</span>}
              {to === 'inbox' && <InboxCount />}
            </a>
          ))}
        </nav>
        <div className="statuses">
          <SyncBar />
          <StatusBar />
        </div>
      </header>
      <main>
        <NewerBuild />
        <Alerts />
        {children}
      </main>
    </div>
  )
}
