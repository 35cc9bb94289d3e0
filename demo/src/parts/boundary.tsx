/** Keeps a screen that breaks from taking the page with it. */
import { Component, type ReactNode } from 'react'
import { Problem } from './states.tsx'

interface State {
  readonly error: unknown
}

export class Boundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: undefined }

  static getDerivedStateFromError(error: unknown): State {
    return { error }
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children
    return (
      <Problem
        title="This screen broke."
        error={this.state.error}
        action={
          <button type="button" onClick={() => this.setState({ error: undefined })}>
            Try again
          </button>
        }
      />
    )
  }
}
