import { test } from 'vitest'
import { appendFileSync } from 'node:fs'
import { hallRun, runOf } from './hall-run.ts'
import { Simulation } from '../../src/testing/simulation/simulation.ts'
const log = (...a: unknown[]) => appendFileSync('/tmp/w/sim-one.log', a.map(String).join(' ') + '\n')
test('one', { timeout: 30000 }, async () => {
  const old = Simulation.prototype.step
  Simulation.prototype.step = function (s) {
    log(this.clock.now(), JSON.stringify(s))
    return old.call(this, s)
  }
  const rows = Simulation.prototype.rowsOf
  Simulation.prototype.rowsOf = async function (t, m) {
    for (let i = 0; i < 20 && !t.worker; i++) await this.run(100)
    const l = (t.worker!.engine as any).inside.log
    log('rows', (t as any)['name'], m, JSON.stringify([l.head, l.settled, l.position, l.tail.cursor, l.tail.pending.length, l.tailEpoch]))
    return rows.call(this, t, m)
  }
  try {
    await hallRun(runOf(Number(process.env.SEED)))
    log('ok')
  } catch (e) {
    log((e as Error).stack)
  }
})
