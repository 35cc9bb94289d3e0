/** What stands where rows are not: while they load, where there are none, and where reading them failed. */
import type { ReactNode } from 'react'

export const Loading = ({ label = 'Loading…', rows = 4 }: { readonly label?: string; readonly rows?: number }) => (
  <div className="loading" role="status">
    <span className="hidden">{label}</span>
    {Array.from({ length: rows }, (_, row) => (
      <span key={row} className="bone" style={{ inlineSize: `${92 - ((row * 17) % 40)}%` }} />
    ))}
  </div>
)

export const Empty = ({ title, children }: { readonly title: string; readonly children?: ReactNode }) => (
  <div className="empty">
    <p className="empty-title">{title}</p>
    {children && <div className="empty-text">{children}</div>}
  </div>
)

export interface ProblemProps {
  readonly title: string
  readonly error?: unknown
  readonly action?: ReactNode
}

export const Problem = ({ title, error, action }: ProblemProps) => (
  <div className="problem" role="alert">
    <p className="problem-title">{title}</p>
    {error !== undefined && <p>{error instanceof Error ? error.message : String(error)}</p>}
    {action}
  </div>
)

/** A query's result as the hook gives it. */
export interface Result<T> {
  readonly data: T | undefined
  readonly loading: boolean
  readonly stale: boolean
  readonly error: unknown
}

export interface ShownProps<T> {
  readonly of: Result<T>
  /** What is being read, for the sentence that says that it failed. */
  readonly what: string
  readonly isEmpty?: (data: T) => boolean
  readonly empty?: ReactNode
  readonly rows?: number
  readonly children: (data: T) => ReactNode
}

/** A query's result, in whichever state it is. */
export function Shown<T>({ of: { data, error, stale, loading }, what, isEmpty, empty, rows = 4, children }: ShownProps<T>) {
  if (data === undefined && error !== undefined) return <Problem title={`The ${what} cannot be read.`} error={error} />
  if (data === undefined) return <Loading rows={rows} label={`Loading the ${what}…`} />
  return (
    <>
      {stale && !loading && <p className="stale">Not up to date yet: this list is still being filled.</p>}
      {isEmpty?.(data) ? empty : children(data)}
    </>
  )
}
