/** A number and a button. */
import { useId, useState, type ReactNode } from 'react'

export interface QuantityFormProps {
  readonly label: string
  readonly action: string
  readonly initial?: number
  /** Smallest number that makes sense: 1, where not given. */
  readonly min?: number
  readonly pending: boolean
  readonly onSubmit: (quantity: number) => void
  readonly primary?: boolean
  readonly children?: ReactNode
}

export function QuantityForm({ label, action, initial = 1, min = 1, pending, onSubmit, primary = false, children }: QuantityFormProps) {
  const id = useId()
  const [text, setText] = useState(String(initial))
  return (
    <form
      className="quantity"
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit(Number(text))
      }}
    >
      <label htmlFor={id}>{label}</label>
      <div className="quantity-row">
        <input
          id={id}
          type="number"
          inputMode="numeric"
          min={min}
          max={1_000_000}
          step={1}
          required
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className={primary ? 'primary' : ''} disabled={pending}>
          {action}
        </button>
      </div>
      {children}
    </form>
  )
}
