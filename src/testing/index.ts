/**
 * @module For the tests of an app's own domain: given/when/then without storage or thread, the whole engine in one thread, and
 * the contract that any storage must pass. Runs in Node and in browsers, with any test runner.
 */
export { given, past, refused } from './given.ts'
export type { ExpectedRefusal, OneOf, PastEvent, WhenOptions } from './given.ts'
export { testApp } from './test-app.ts'
export type { TestAppOptions } from './test-app.ts'
export { storageContract } from './storage-contract.ts'
export type { OpenStorage, StorageContractCase } from './storage-contract.ts'
export { createMemoryStorage } from '../storage/memory/memory-storage.ts'
export type { MemoryStorage } from '../storage/memory/memory-storage.ts'
export type { Storage } from '../storage/storage.ts'
