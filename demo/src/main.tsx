/** Starts the page. */
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { identity, openBook, space } from './app.ts'
import { OutpostProvider } from './hooks.ts'
import { followOtherTabs } from './identity.ts'
import { createImporter } from './import/importer.ts'
import { openImportStore } from './import/import-store.ts'
import { ImportContext, stockFromAddress } from './import/use-importer.ts'
import { listenForInstallPrompt } from './offline/install.ts'
import { createMeasurer } from './measure/measurer.ts'
import { planFromAddress } from './measure/sizes.ts'
import { MeasurerContext } from './measure/use-measurer.ts'
import { createPageBuild } from './offline/page-build.ts'
import { PageBuildContext } from './offline/use-page-build.ts'
import { Boundary } from './parts/boundary.tsx'
import { Shell } from './parts/shell.tsx'
import { createRecorder } from './recorder.ts'
import { Screens } from './screens/screens.tsx'
import './styles.css'
import { RecorderContext } from './use-recorder.ts'

const app = openBook()
// Orders are private as well: of this person's book only.
const imports = `stockroom-import.${[space, identity.name].map(encodeURIComponent).join('.')}`
const importer = createImporter(app, openImportStore(imports), imports)
const recorder = createRecorder(app)
const measurer = createMeasurer(planFromAddress(location.search))
const build = createPageBuild()
listenForInstallPrompt()
followOtherTabs(identity)

function Stockroom() {
  const [stock, setStock] = useState(() => stockFromAddress(location.search))
  return (
    <OutpostProvider app={app}>
      <ImportContext value={{ importer, stock, setStock }}>
        <RecorderContext value={recorder}>
          <MeasurerContext value={measurer}>
            <PageBuildContext value={build}>
              <Shell>
                <Boundary>
                  <Screens />
                </Boundary>
              </Shell>
            </PageBuildContext>
          </MeasurerContext>
        </RecorderContext>
      </ImportContext>
    </OutpostProvider>
  )
}

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no element "root".')
createRoot(root).render(
  <StrictMode>
    <Stockroom />
  </StrictMode>,
)
