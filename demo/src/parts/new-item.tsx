/** Registers a Stock Item by hand. */
import { useState } from 'react'
import { useCommand } from '../hooks.ts'
import { href } from '../router.ts'
import { CommandNote } from './command-note.tsx'

export function NewItem({ onClose }: { readonly onClose: () => void }) {
  const [register, registering] = useCommand((commands) => commands.stockItem.register)
  const [code, setCode] = useState('')
  const submit = async (form: FormData): Promise<void> => {
    const sku = String(form.get('code')).trim()
    const name = String(form.get('name')).trim()
    setCode(sku)
    await register(
      sku,
      { name: name || sku, openingStock: Number(form.get('openingStock')), reorderPoint: Number(form.get('reorderPoint')) },
      // A code that is there already is said to be, not passed over.
      { expectedVersion: 'new' },
    )
  }
  return (
    <form
      className="card form"
      aria-label="New Stock Item"
      onSubmit={(event) => {
        event.preventDefault()
        void submit(new FormData(event.currentTarget))
      }}
    >
      <div className="fields">
        <label>
          Code
          <input name="code" required autoComplete="off" spellCheck={false} />
        </label>
        <label>
          Name
          <input name="name" autoComplete="off" placeholder="As the code" />
        </label>
        <label>
          Opening stock
          <input name="openingStock" type="number" inputMode="numeric" min={0} step={1} defaultValue={0} required />
        </label>
        <label>
          Reorder point
          <input name="reorderPoint" type="number" inputMode="numeric" min={0} step={1} defaultValue={10} required />
        </label>
      </div>
      <div className="form-end">
        <button type="submit" className="primary" disabled={registering.pending}>
          Register
        </button>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
        <CommandNote of={registering} done={`${code} is in the book.`} />
        {registering.outcome?.ok && <a href={href(['stock', code])}>Open it</a>}
      </div>
    </form>
  )
}
