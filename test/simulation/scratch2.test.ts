import { test } from 'vitest'
import { hallRun, runOf } from './hall-run.ts'
import { Simulation } from '../../src/testing/simulation/simulation.ts'
test('x', { timeout: 60000 }, async () => { 
  const close = Simulation.prototype.close
  Simulation.prototype.close = function () { const d = this.devices[1]!; for (let i = 0; i <= d.life; i++) console.log('life', i, JSON.stringify(d.transactions(i).map(t => t.map(r => [r.number, r.id.slice(-20), r.sync?.step, (r.sync as any)?.voids, r.events.map(e => e.type.slice(-10) + e.aggregateId + JSON.stringify(e.data)).join()])))); return close.call(this) }
for (const s of (process.env.SEEDS ?? '').split(',').map(Number)) try { await hallRun(runOf(s)); console.log(s, 'ok') } catch (e) { console.log(s, (e as Error).message) } })
