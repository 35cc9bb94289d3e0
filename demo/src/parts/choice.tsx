/** One of a few, side by side. Radio buttons underneath: arrow keys, labels and groups are the browser's. */
import { useId } from 'react'

export interface ChoiceProps<Value extends string> {
  readonly label: string
  readonly options: readonly { readonly value: Value; readonly label: string; readonly count?: number | undefined }[]
  readonly value: Value
  readonly onChange: (value: Value) => void
}

export function Choice<Value extends string>({ label, options, value, onChange }: ChoiceProps<Value>) {
  const name = useId()
  return (
    <fieldset className="choice">
      <legend className="hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>
            {option.label}
            {option.count !== undefined && <span className="choice-count">{option.count.toLocaleString('en-GB')}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}
