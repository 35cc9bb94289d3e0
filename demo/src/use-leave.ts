/** Leaving this device: with the book, or without. */
import { useApp } from './hooks.ts'
import { signOut } from './identity.ts'
import type { Leaving } from './leaving.ts'
import { useImportSettings } from './import/use-importer.ts'

/** Signs out, where `delete` is said after all data of this person in this book are gone: the log, its lists, the last import and its file. */
export function useLeave(): (leaving: Leaving) => Promise<void> {
  const app = useApp()
  const { importer } = useImportSettings()
  return async (leaving) => {
    if (leaving === 'delete') {
      // First: what is still imported would find the book closed.
      await importer.forget()
      await app.destroy()
    }
    signOut()
  }
}
