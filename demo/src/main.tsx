/** Starts the page. */
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { openBook, space } from './app.ts'
import { OutpostProvider } from './hooks.ts'
import { createImporter } from './import/importer.ts'
import { openImportStore } from './import/import-store.ts'
import { ImportContext, stockFromAddress } from './import/use-importer.ts'
import { Boundary } from './parts/boundary.tsx'
import { Shell } from './parts/shell.tsx'
import { createRecorder } from './recorder.ts'
import { Screens } from './screens/screens.tsx'
import './styles.css'
import { RecorderContext } from './use-recorder.ts'

const app = openBook()
const importer = createImporter(app, openImportStore(`stockroom-import.${space}`), `stockroom-import.${space}`)
const recorder = createRecorder(app)

function Stockroom() {
  const [stock, setStock] = useState(() => stockFromAddress(location.search))
  return (
    <OutpostProvider app={app}>
      <ImportContext value={{ importer, stock, setStock }}>
        <RecorderContext value={recorder}>
          <Shell>
            <Boundary>
              <Screens />
            </Boundary>
          </Shell>
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
