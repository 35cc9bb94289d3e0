/** What came back from the server otherwise than it was told here. */
import { InboxList } from '../parts/inbox-list.tsx'
import { Page } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'

export const InboxScreen = () => (
  <Page
    title="Inbox"
    lead="What you did here while others changed the book, and what no longer held when it reached the server. Nothing is lost: ask again, ask for something else, or let it go."
  >
    <h2 className="hidden">What came back</h2>
    <InboxList empty={<Empty title="Nothing came back.">Everything that reached the server holds as it was told here.</Empty>} />
  </Page>
)
