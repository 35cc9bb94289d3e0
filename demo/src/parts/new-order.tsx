/** Places an order by hand: a line as it would stand in a file. */
import { useState } from 'react'
import { formatOrderId } from '../format.ts'
import { useCommand } from '../hooks.ts'
import { parseOrder } from '../import/parse-order.ts'
import { setQuery } from '../router.ts'
import { CommandNote } from './command-note.tsx'

export function NewOrder({ onClose }: { readonly onClose: () => void }) {
  const [place, placing] = useCommand((commands) => commands.fulfilment.placeOrder)
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string>()
  const [orderId, setOrderId] = useState('')
  const submit = (): void => {
    const parsed = parseOrder(text)
    setProblem(parsed.kind === 'malformed' ? parsed.problem : parsed.kind === 'empty' ? 'Write at least one code.' : undefined)
    if (parsed.kind !== 'order') return
    const id = crypto.randomUUID()
    setOrderId(id)
    void place({ orderId: id, lines: [...parsed.lines] })
  }
  const declined = placing.outcome?.ok === true && placing.outcome.events.some((event) => event.type === 'order.declined')
  return (
    <form
      className="card form"
      aria-label="New order"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <label>
        Codes, with commas between; a repeated code is one more unit
        <textarea rows={2} required value={text} spellCheck={false} onChange={(event) => setText(event.target.value)} />
      </label>
      <div className="form-end">
        <button type="submit" className="primary" disabled={placing.pending}>
          Place order
        </button>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
        {problem === undefined ? (
          <CommandNote
            of={placing}
            done={
              declined
                ? `Order ${formatOrderId(orderId)} was declined: there is not enough, and nothing was picked.`
                : `Order ${formatOrderId(orderId)} was placed and picked.`
            }
          />
        ) : (
          <p className="said" role="status">
            <span className="bad">{problem}</span>
          </p>
        )}
        {problem === undefined && placing.outcome?.ok && (
          <button type="button" className="quiet" onClick={() => setQuery({ order: orderId })}>
            Look into it
          </button>
        )}
      </div>
    </form>
  )
}
