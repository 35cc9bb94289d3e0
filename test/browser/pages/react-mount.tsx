/** What the pages of react have in common: their hooks, a tree of components over an engine moved by hand, an error boundary. */
import { createHooks } from 'outpost/react'
import { Component, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import type { OutpostError } from '../../../src/errors.ts'
import { type Realm, type RealmOptions, startRealm } from '../../channel/realm.ts'
import type { stock } from '../../fixtures/stock.ts'

export const hooks = createHooks<typeof stock>()

export const frame = (): Promise<number> => new Promise(requestAnimationFrame)
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await frame()
}

/** One app with one tree of components. */
export function mount(
  children: ReactNode,
  options: RealmOptions = {},
): Realm & { text(): string; render(next: ReactNode, app?: Realm['app']): void; unmount(): void } {
  const realm = startRealm(options)
  const element = document.body.appendChild(document.createElement('div'))
  const root = createRoot(element, { onUncaughtError: () => undefined, onCaughtError: () => undefined })
  const render = (next: ReactNode, app = realm.app): void => root.render(<hooks.OutpostProvider app={app}>{next}</hooks.OutpostProvider>)
  render(children)
  return Object.assign(Object.create(realm) as Realm, { text: () => element.innerText, render, unmount: () => root.unmount() })
}

interface BoundaryProps {
  readonly children: ReactNode
  /** Beside the error's code. */
  readonly fallback?: ReactNode
  /** Given what "try again" does, when there is something to try again. */
  readonly caught?: (tryAgain: () => void) => void
}

/** Shows the code of what was thrown inside. */
export class Boundary extends Component<BoundaryProps, { readonly code?: string | undefined }> {
  override state: { readonly code?: string | undefined } = {}
  static getDerivedStateFromError = ({ code }: OutpostError): { code: string } => ({ code })
  override componentDidCatch(): void {
    this.props.caught?.(() => this.setState({ code: undefined }))
  }
  override render(): ReactNode {
    const { code } = this.state
    if (code === undefined) return this.props.children
    return (
      <>
        <p>{code}</p>
        {this.props.fallback}
      </>
    )
  }
}
