import { expect, test } from 'vitest'
import { SqlFault } from '../../src/storage/postgres/sql-database.ts'
import { translateFault } from '../../src/storage/postgres/translate-fault.ts'

test('a full disk is told as that where nothing was written, and as in doubt where the server died of it at the commit', () => {
  const full = (outcome: 'refused' | 'unknown') =>
    translateFault(new SqlFault(outcome, { code: '53100', passing: false, cause: undefined }), 'Appending')
  expect(full('refused')).toMatchObject({ code: 'storage-full' })
  expect(full('unknown')).toMatchObject({ code: 'storage-failed', details: { inDoubt: true, sqlState: '53100' } })
})
