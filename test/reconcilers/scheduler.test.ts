import test from 'ava';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../daemon/clock.ts';
import { isFbpdError } from '../../daemon/domain/errors.ts';
import { createLog } from '../../daemon/log.ts';
import { type PassReport, Scheduler } from '../../daemon/reconcilers/scheduler.ts';

const NEVER = '0 0 31 12 *';
const report: PassReport = { due: 1, done: 1, failed: 0, skipped: { waiting: 2 } };

function create(pass: (signal: AbortSignal) => Promise<PassReport>, cron = NEVER, log = createLog('silent')) {
  const metrics = new Registry();
  const scheduler = new Scheduler({
    reconcilers: [{ reconciler: { name: 'x', pass }, cron }],
    clock: systemClock,
    log,
    metrics,
  });
  return { scheduler, metrics };
}

/** A pass that ends when told to, and knows how many of it ran at once. */
function gatedPass() {
  const gates: (() => void)[] = [];
  const seen = { runs: 0, atOnce: 0, most: 0 };
  const pass = async (): Promise<PassReport> => {
    seen.runs += 1;
    seen.atOnce += 1;
    seen.most = Math.max(seen.most, seen.atOnce);
    await new Promise<void>((resolve) => gates.push(resolve));
    seen.atOnce -= 1;
    return report;
  };
  return { pass, seen, open: () => gates.shift()?.() };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('the first pass runs at start, without waiting for the clock', async (t) => {
  const { pass, seen, open } = gatedPass();
  const { scheduler } = create(pass);
  scheduler.start();
  t.is(seen.runs, 1);
  open();
  await scheduler.stop();
});

test('a pass never overlaps itself; all who ask meanwhile share the next one', async (t) => {
  const { pass, seen, open } = gatedPass();
  const { scheduler } = create(pass);
  const first = scheduler.run('x');
  const second = scheduler.run('x');
  const third = scheduler.run('x');
  t.is(seen.runs, 1);
  open();
  t.deepEqual(await first, report);
  await until(() => seen.runs === 2);
  open();
  t.deepEqual(await Promise.all([second, third]), [report, report]);
  t.deepEqual([seen.runs, seen.most], [2, 1]);
  await scheduler.stop();
});

test('a failed pass rejects for who asked, is counted, and the next one runs', async (t) => {
  let runs = 0;
  const { scheduler, metrics } = create(() => {
    runs += 1;
    return runs === 1 ? Promise.reject(new Error('no')) : Promise.resolve(report);
  });
  await t.throwsAsync(scheduler.run('x'), { message: 'no' });
  t.deepEqual(await scheduler.run('x'), report);
  const text = await metrics.metrics();
  t.regex(text, /fbpd_reconcile_passes_total\{reconciler="x",outcome="failed"\} 1/);
  t.regex(text, /fbpd_reconcile_items_total\{reconciler="x",result="skipped: waiting"\} 2/);
  await scheduler.stop();
});

test('an unknown name is refused with the names there are', async (t) => {
  const { scheduler } = create(() => Promise.resolve(report));
  const error = await t.throwsAsync(scheduler.run('y'));
  t.true(isFbpdError(error, 'NOT_FOUND'));
  t.regex(error?.message ?? '', /there are x/);
});

test('the cron expression runs it again', async (t) => {
  let runs = 0;
  const { scheduler } = create(() => {
    runs += 1;
    return Promise.resolve(report);
  }, '* * * * * *');
  scheduler.start();
  await until(() => runs >= 2);
  await scheduler.stop();
  t.true(runs >= 2);
});

test('that a pass was missed, as the process was busy, is said in the log', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const { scheduler } = create(() => Promise.resolve(report), '* * * * * *', log);
  scheduler.start();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500);
  await until(() => lines.length > 0);
  await scheduler.stop();
  t.like(JSON.parse(lines[0] ?? ''), { level: 40, reconciler: 'x' });
  t.regex(lines[0] ?? '', /missed execution/);
});

test('stop ends a running pass by its signal, waits for it, and refuses further ones', async (t) => {
  let ended = false;
  const { scheduler } = create(async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    ended = true;
    return report;
  });
  scheduler.start();
  await scheduler.stop();
  t.true(ended);
  t.true(isFbpdError(await t.throwsAsync(scheduler.run('x')), 'UNAVAILABLE'));
});
