/** A screen's frame: its heading, and what stands beside it. */
import { useEffect, type ReactNode } from 'react'
import { Icon } from './icon.tsx'

export interface PageProps {
  readonly title: string
  /** Shown instead of `title` where it is richer than text. */
  readonly heading?: ReactNode
  readonly lead?: ReactNode
  readonly back?: { readonly href: string; readonly label: string }
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export function Page({ title, heading, lead, back, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Stockroom`
  }, [title])
  return (
    <>
      <header className="page-head">
        <div>
          {back && (
            <a className="back" href={back.href}>
              <Icon name="back" />
              {back.label}
            </a>
          )}
          {/* Takes the focus when a screen is opened, so that reading begins here. */}
          <h1 id="title" tabIndex={-1}>
            {heading ?? title}
          </h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  )
}

export interface CardProps {
  readonly title: string
  readonly note?: ReactNode
  readonly aside?: ReactNode
  readonly children: ReactNode
  readonly className?: string
}

export function Card({ title, note, aside, children, className = '' }: CardProps) {
  const id = `card-${title.toLowerCase().replaceAll(/\W+/g, '-')}`
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <header className="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {note && <p className="note">{note}</p>}
        </div>
        {aside}
      </header>
      {children}
    </section>
  )
}
