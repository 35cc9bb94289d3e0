#!/usr/bin/env node
/// <reference types="node" />
import { isOutpostError } from '../errors.ts'
import { start, usage } from './command-line.ts'

/** Entries go to stdout, one JSON object a line; what keeps it from starting goes to stderr. */
async function main(): Promise<void> {
  const running = await start(process.argv.slice(2), process.env, (entry) => process.stdout.write(`${JSON.stringify(entry)}\n`))
  if (running === 'help') {
    process.stdout.write(`${usage}\n`)
    return
  }
  process.stdout.write(`${JSON.stringify({ level: 'info', event: 'listening', at: new Date().toISOString(), url: running.url })}\n`)
  const stop = (): void => {
    running.close().catch(fail)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

function fail(error: unknown): void {
  // What the user can mend is told without the stack that leads to it.
  const text = isOutpostError(error, 'unsupported') ? `${error.message}\n\n${usage}` : error instanceof Error ? error.stack : String(error)
  process.stderr.write(`${text}\n`)
  process.exitCode = 1
}

main().catch(fail)
