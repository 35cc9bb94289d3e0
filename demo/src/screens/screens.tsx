/** Which screen an address means. */
import { Page } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'
import { href, useRoute } from '../router.ts'
import { ImportScreen } from './import.tsx'
import { InboxScreen } from './inbox.tsx'
import { ItemScreen } from './item.tsx'
import { LogScreen } from './log.tsx'
import { MeasureScreen } from './measure.tsx'
import { OrdersScreen } from './orders.tsx'
import { PurchasesScreen } from './purchases.tsx'
import { SettingsScreen } from './settings.tsx'
import { StartScreen } from './start.tsx'
import { StockScreen } from './stock.tsx'
import { TwoDevicesScreen } from './two-devices.tsx'

export function Screens() {
  const [place, id] = useRoute().path
  if (place === undefined) return <StartScreen />
  if (place === 'stock') return id === undefined ? <StockScreen /> : <ItemScreen key={id} sku={id} />
  if (place === 'orders') return <OrdersScreen />
  if (place === 'purchases') return <PurchasesScreen />
  if (place === 'inbox') return <InboxScreen />
  if (place === 'devices') return <TwoDevicesScreen />
  if (place === 'import') return <ImportScreen />
  if (place === 'log') return <LogScreen />
  if (place === 'measure') return <MeasureScreen />
  if (place === 'settings') return <SettingsScreen />
  return (
    <Page title="Not found">
      <Empty title="There is no such page in the book.">
        <a href={href([])}>Go to the start</a>
      </Empty>
    </Page>
  )
}
