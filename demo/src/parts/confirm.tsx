/** A button that asks before it does anything. */
import { useId, useRef, type ReactNode } from 'react'

export interface ConfirmProps {
  /** On the button. */
  readonly label: string
  readonly danger?: boolean
  readonly disabled?: boolean
  readonly question: string
  /** What will be lost, and what can be chosen. */
  readonly children: ReactNode
  /** On the button that does it, and on the one that does not. */
  readonly yes: string
  readonly no: string
  readonly onYes: () => void
}

export function Confirm({ label, danger = false, disabled = false, question, children, yes, no, onYes }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  return (
    <>
      <button type="button" className={danger ? 'danger' : ''} disabled={disabled} onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={title}>
        <h2 id={title}>{question}</h2>
        {children}
        <form method="dialog" className="form-end">
          <button type="submit">{no}</button>
          <button
            type="button"
            className={danger ? 'danger' : 'primary'}
            onClick={() => {
              dialog.current?.close()
              onYes()
            }}
          >
            {yes}
          </button>
        </form>
      </dialog>
    </>
  )
}
