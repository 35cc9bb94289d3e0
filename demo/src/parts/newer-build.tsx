/** Says that there is a newer version of the page, and starts it when told to. */
import { usePageBuild } from '../offline/use-page-build.ts'

const texts = {
  waiting: 'A new version of this page is ready. It starts when you say so.',
  starting: 'The new version is starting. If this takes long, close the other tabs of this page.',
  started: 'Another tab has started a new version of this page. This one goes on as it is.',
} as const

export function NewerBuild() {
  const { newer, startNewer } = usePageBuild()
  return (
    <div className="alerts" role="status">
      {newer !== 'none' && (
        <p className="alert news">
          <span>{texts[newer]}</span>
          <button type="button" className="primary" disabled={newer === 'starting'} onClick={startNewer}>
            Reload
          </button>
        </p>
      )}
    </div>
  )
}
