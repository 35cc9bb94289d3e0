/** What one does at a shelf: pick, receive, count, order more. */
import { useState } from 'react'
import { count } from '../format.ts'
import { useCommand } from '../hooks.ts'
import { CommandNote } from './command-note.tsx'
import { QuantityForm } from './quantity-form.tsx'
import { Choice } from './choice.tsx'

type Action = 'pick' | 'receive' | 'count' | 'order'

export function ItemActions({ sku, onHand }: { readonly sku: string; readonly onHand: number }) {
  const [action, setAction] = useState<Action>('pick')
  return (
    <div className="actions">
      <Choice
        label="What to do"
        value={action}
        onChange={setAction}
        options={[
          { value: 'pick', label: 'Pick' },
          { value: 'receive', label: 'Receive' },
          { value: 'count', label: 'Count' },
          { value: 'order', label: 'Order' },
        ]}
      />
      {action === 'pick' && <Pick sku={sku} />}
      {action === 'receive' && <Receive sku={sku} />}
      {action === 'count' && <Count sku={sku} onHand={onHand} />}
      {action === 'order' && <Order sku={sku} />}
    </div>
  )
}

/** Remembers the number given last, for the sentence that says it is done. */
function useGiven(): readonly [number, (quantity: number) => number] {
  const [given, setGiven] = useState(0)
  return [
    given,
    (quantity) => {
      setGiven(quantity)
      return quantity
    },
  ]
}

function Pick({ sku }: { readonly sku: string }) {
  const [pick, picking] = useCommand((commands) => commands.stockItem.pick)
  const [given, give] = useGiven()
  return (
    <QuantityForm
      label="Units to pick"
      action="Pick"
      primary
      pending={picking.pending}
      onSubmit={(quantity) => void pick(sku, { quantity: give(quantity) })}
    >
      <CommandNote of={picking} done={`${count(given, 'unit')} picked.`} />
    </QuantityForm>
  )
}

function Receive({ sku }: { readonly sku: string }) {
  const [receive, receiving] = useCommand((commands) => commands.stockItem.receive)
  const [given, give] = useGiven()
  return (
    <QuantityForm
      label="Units that came in"
      action="Receive"
      primary
      initial={10}
      pending={receiving.pending}
      onSubmit={(quantity) => void receive(sku, { quantity: give(quantity) })}
    >
      <CommandNote of={receiving} done={`${count(given, 'unit')} received.`} />
    </QuantityForm>
  )
}

function Count({ sku, onHand }: { readonly sku: string; readonly onHand: number }) {
  const [setOnHand, counting] = useCommand((commands) => commands.stockItem.count)
  const [given, give] = useGiven()
  return (
    <QuantityForm
      label="Units found on the shelf"
      action="Set"
      primary
      min={0}
      initial={onHand}
      pending={counting.pending}
      onSubmit={(quantity) => void setOnHand(sku, { onHand: give(quantity) })}
    >
      <CommandNote of={counting} done={`The book now says ${count(given, 'unit')}.`} />
    </QuantityForm>
  )
}

function Order({ sku }: { readonly sku: string }) {
  const [open, opening] = useCommand((commands) => commands.purchaseOrder.open)
  const [given, give] = useGiven()
  return (
    <QuantityForm
      label="Units to order from the supplier"
      action="Order"
      primary
      initial={100}
      pending={opening.pending}
      onSubmit={(quantity) => void open(crypto.randomUUID(), { sku, quantity: give(quantity) })}
    >
      <CommandNote of={opening} done={`A Purchase Order for ${count(given, 'unit')} is open.`} />
    </QuantityForm>
  )
}
