/**
 * @module outpost/dexie: for named queries in the worker. The rows of a Read Model as a Dexie table, to ask what the query builder
 * cannot.
 */
export { dexieTable, type ReadOnlyTable, type RowsReader } from './dexie-table.ts'
