/** Settings: who one is, where the data lie, how the lists are doing, and taking the data out, in, or away. */
import { DataCard } from '../parts/data-card.tsx'
import { HandlerList } from '../parts/handler-list.tsx'
import { Icon } from '../parts/icon.tsx'
import { IdentityCard } from '../parts/identity-card.tsx'
import { Page } from '../parts/page.tsx'
import { SyncCard } from '../parts/sync-card.tsx'
import { StorageCard } from '../parts/storage-card.tsx'
import { href } from '../router.ts'

export function SettingsScreen() {
  return (
    <Page title="Settings">
      <nav className="elsewhere" aria-label="More screens">
        <a href={href(['import'])}>
          <Icon name="import" />
          Import
        </a>
        <a href={href(['log'])}>
          <Icon name="log" />
          Log
        </a>
        <a href={href(['devices'])}>
          <Icon name="devices" />
          Two devices
        </a>
        <a href={href(['measure'])}>
          <Icon name="measure" />
          Measure
        </a>
      </nav>
      <IdentityCard />
      <SyncCard />
      <StorageCard />
      <HandlerList />
      <DataCard />
    </Page>
  )
}
