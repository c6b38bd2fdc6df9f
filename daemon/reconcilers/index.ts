import type { Registry } from 'prom-client';

import type { ColdView } from '../domain/cold-store-port.ts';
import type { Clock, HotTier, PinStore } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { AuditReconciler } from './audit.ts';
import type { ColdContextOptions, ColdCron, ColdOptions } from './cold/options.ts';
import { createColdParts } from './cold/parts.ts';
import { ReconcilerView } from './cold/view.ts';
import { CreateReconciler } from './create.ts';
import { GcReconciler } from './gc.ts';
import { HoldReconciler } from './hold.ts';
import { PiecesReconciler } from './pieces.ts';
import { type PinLimits, PinReconciler } from './pin.ts';
import { ReleaseReconciler } from './release.ts';
import { RenewReconciler } from './renew.ts';
import { SampleReconciler } from './sample.ts';
import { type Reconciler, type ScheduledReconciler, Scheduler } from './scheduler.ts';
import { VerifyReconciler } from './verify.ts';

export interface ReconcilersOptions {
  store: PinStore;
  hot: HotTier;
  clock: Clock;
  log: Log;
  metrics: Registry;
  limits: PinLimits;
  capacityBytes: number;
  checkDisk(): Promise<'ok' | 'low' | 'full'>;
  /** Unpinned blocks are deleted as soon as there are about so many bytes of them. */
  garbageBytes: number;
  cron: { gc: string; sweep: string };
  /** Absent: contents are kept hot only. */
  cold?: ColdOptions & { cron: ColdCron };
}

export interface Reconcilers {
  scheduler: Scheduler;
  pin: PinReconciler;
  /** Absent without a cold layer. */
  cold?: ColdView;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const GC_TIMEOUT_MS = 15 * 60_000;
/** Disk and hot tier are looked at this often; a full disk should be noticed before a fetch can fill the rest. */
const HOLD_CRON = '*/2 * * * * *';
/** Releases and new pins are also woken by the commits that make them due; this is for what was missed. */
const MINUTELY = '* * * * *';

/** Every reconciler there is, and how they reach each other. */
export function createReconcilers(options: ReconcilersOptions): Reconcilers {
  const { store, hot, clock, log, metrics, limits, cron } = options;
  let stopping = false;
  const runLater = (name: string): void => {
    if (stopping) return;
    scheduler.run(name).catch((error: unknown) => log.warn({ err: error, reconciler: name }, 'a pass that was asked for did not end well'));
  };
  const noteGarbage = (bytes: number): void => {
    if (gc.noteGarbage(bytes) >= options.garbageBytes) runLater('gc');
  };
  const pin: PinReconciler = new PinReconciler({ store, hot, clock, log, limits, held: () => hold.held(), onGarbage: noteGarbage });
  const gc: GcReconciler = new GcReconciler({
    hot,
    log,
    timeoutMs: GC_TIMEOUT_MS,
    drain: (reason) => pin.drain('paused', reason),
    resume: () => {
      pin.wake();
      runLater('release');
    },
  });
  const hold: HoldReconciler = new HoldReconciler({
    hot,
    log,
    capacityBytes: options.capacityBytes,
    checkDisk: options.checkDisk,
    collectingGarbage: () => gc.collecting(),
    drain: (reason) => pin.drain('no_room', reason),
    wake() {
      pin.wake();
      runLater('release');
    },
    collectGarbage: () => runLater('gc'),
  });
  const release = new ReleaseReconciler({ store, hot, log, collectingGarbage: () => gc.collecting(), onGarbage: noteGarbage });
  const audit = new AuditReconciler({ store, hot, log });
  const cold = options.cold === undefined ? undefined : createCold({ ...options.cold, clock, log }, runLater);
  const scheduler: Scheduler = new Scheduler({
    reconcilers: [
      { reconciler: hold, cron: HOLD_CRON },
      { reconciler: pin, cron: MINUTELY },
      { reconciler: release, cron: MINUTELY },
      { reconciler: audit, cron: cron.sweep },
      { reconciler: gc, cron: cron.gc, atStart: false },
      ...(cold === undefined || options.cold === undefined ? [] : scheduleCold(cold, options.cold.cron)),
    ],
    clock,
    log,
    metrics,
  });
  return {
    scheduler,
    pin,
    ...(cold === undefined ? {} : { cold: cold.view }),
    async start() {
      // What holds fetches back is known before the first could begin.
      await scheduler.run('hold');
      await pin.start();
      store.onDue(() => runLater('release'));
      options.cold?.store.onDue((what) => {
        if (what !== 'deals') runLater(what === 'contents' ? 'pieces' : what);
      });
      scheduler.start();
    },
    async stop() {
      stopping = true;
      await scheduler.stop();
      await cold?.settled();
      await pin.stop();
    },
  };
}

export interface Cold {
  view: ColdView;
  pieces: Reconciler;
  create: Reconciler;
  verify: Reconciler;
  renew: Reconciler;
  sample: Reconciler;
  /** Resolves when nothing goes on that outlives the pass it was begun in; then the store may be closed. */
  settled(): Promise<void>;
}

/** The reconcilers of the cold layer. `runLater` asks for a pass of the one with that name. */
export function createCold(options: ColdContextOptions, runLater: (name: string) => void): Cold {
  const parts = createColdParts(options);
  const wake = (): void => {
    for (const name of ['create', 'renew']) runLater(name);
  };
  return {
    view: new ReconcilerView({ ...parts, perDayAtto: options.rules.perDayAtto, wake }),
    pieces: new PiecesReconciler(parts),
    create: new CreateReconciler(parts),
    verify: new VerifyReconciler(parts),
    renew: new RenewReconciler(parts),
    sample: new SampleReconciler(parts),
    settled: () => parts.sender.settled(),
  };
}

function scheduleCold({ pieces, create, verify, renew, sample }: Cold, cron: ColdCron): ScheduledReconciler[] {
  return [
    { reconciler: pieces, cron: cron.create },
    { reconciler: verify, cron: cron.verify },
    { reconciler: renew, cron: cron.renew },
    { reconciler: create, cron: cron.create },
    { reconciler: sample, cron: cron.verify, atStart: false },
  ];
}
