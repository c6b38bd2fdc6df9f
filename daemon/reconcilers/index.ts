import type { Registry } from 'prom-client';

import type { BlockIndex } from '../domain/block-index-port.ts';
import type { ColdView } from '../domain/cold-store-port.ts';
import { copiesOf } from '../domain/copies.ts';
import type { Drills } from '../domain/drill.ts';
import type { IntakeGate } from '../domain/intake-gate.ts';
import type { HotPolicy } from '../domain/policy.ts';
import type { Clock, HotTier, PinStore } from '../domain/ports.ts';
import type { Readership } from '../domain/readership-port.ts';
import type { Warmed } from '../domain/retrieval-ports.ts';
import type { Scans } from '../domain/scan.ts';
import type { PieceBytes } from '../domain/transfer-port.ts';
import type { Log } from '../log.ts';
import { AuditReconciler } from './audit.ts';
import type { ColdContextOptions, ColdCron, ColdOptions, DrillSetup } from './cold/options.ts';
import { type ColdParts, createColdParts } from './cold/parts.ts';
import { fetchedOf } from './cold/proof.ts';
import { RetrievalDesk } from './cold/retrieval-desk.ts';
import { ProviderScan } from './cold/scan.ts';
import { ReconcilerView } from './cold/view.ts';
import { CreateReconciler } from './create.ts';
import { DrillReconciler } from './drill.ts';
import { EscrowReconciler } from './escrow.ts';
import { EvictReconciler } from './evict.ts';
import { GcReconciler } from './gc.ts';
import { HoldReconciler } from './hold.ts';
import { IndexBlocksReconciler } from './index-blocks.ts';
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
  index: BlockIndex;
  clock: Clock;
  log: Log;
  metrics: Registry;
  limits: PinLimits;
  capacityBytes: number;
  checkDisk(): Promise<'ok' | 'low' | 'full'>;
  /** Unpinned blocks are deleted as soon as there are about so many bytes of them. */
  garbageBytes: number;
  /** What brings unpinned blocks into the hot tier on its own goes through it. */
  gate: IntakeGate;
  cron: { gc: string; sweep: string; evict: string };
  /** Absent: contents are kept hot only. */
  cold?: ColdOptions & { cron: ColdCron; drill: DrillSetup } & CacheOptions;
}

/** What lets the hot tier be a cache over the cold copies. */
export interface CacheOptions {
  readership: Readership;
  hotPolicy: HotPolicy;
  /** Parts of the capacity. */
  evictAbove: number;
  evictDownTo: number;
  /** Brings a cold content back; resolves when that is over, whatever became of it. */
  warm(contentKey: string): Promise<Warmed>;
  /** A reader's hold on a content that is being fetched: whatever providers have of it comes too. */
  assist(contentKey: string): () => void;
}

export interface Reconcilers {
  scheduler: Scheduler;
  pin: PinReconciler;
  /** Absent without a cold layer. */
  cold?: ColdView;
  retrievals?: RetrievalDesk;
  evict?: EvictReconciler;
  drills?: Drills;
  scans?: Scans;
  /** About so many bytes came into the hot tier that nobody pins. */
  noteGarbage(bytes: number): void;
  pieceBytes?: PieceBytes;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const GC_TIMEOUT_MS = 15 * 60_000;
const GC_GATE_TIMEOUT_MS = 60_000;
/** Disk and hot tier are looked at this often; a full disk should be noticed before a fetch can fill the rest. */
const HOLD_CRON = '*/2 * * * * *';
/** Releases and new pins are also woken by the commits that make them due; this is for what was missed. */
const MINUTELY = '* * * * *';
/** Between two passes that make room because it is wanted at once. */
const EVICT_REST_MS = 10_000;

/** Every reconciler there is, and how they reach each other. */
export function createReconcilers(options: ReconcilersOptions): Reconcilers {
  const { store, hot, index, clock, log, metrics, limits, cron } = options;
  let stopping = false;
  const runLater = (name: string): void => {
    if (stopping) return;
    scheduler.run(name).catch((error: unknown) => log.warn({ err: error, reconciler: name }, 'a pass that was asked for did not end well'));
  };
  const isProvenCold = async (contentKey: string): Promise<boolean> => {
    const [cold] = (await options.cold?.store.coldOf([contentKey])) ?? [];
    return copiesOf(cold?.pieces ?? []).some(({ active }) => active > 0);
  };
  const noteGarbage = (bytes: number): void => {
    if (gc.noteGarbage(bytes) >= options.garbageBytes && !gc.isPutOff()) runLater('gc');
  };
  const pin: PinReconciler = new PinReconciler({
    store,
    hot,
    index,
    clock,
    log,
    limits,
    held: () => hold.held(),
    onGarbage: noteGarbage,
    assist: async (contentKey) => ((await isProvenCold(contentKey)) ? options.cold?.assist(contentKey) : undefined),
  });
  const gc: GcReconciler = new GcReconciler({
    hot,
    clock,
    log,
    timeoutMs: GC_TIMEOUT_MS,
    gate: options.gate,
    gateTimeoutMs: GC_GATE_TIMEOUT_MS,
    isShort: () => hold.isShort(),
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
    evictAboveBytes: options.cold === undefined ? Number.POSITIVE_INFINITY : options.cold.evictAbove * options.capacityBytes,
    evict: () => evictSoon(),
    lastLook: () => evict?.lastLook(),
    collectGarbage: () => runLater('gc'),
  });
  const servesFromHot = options.cold !== undefined && !options.cold.maker.needsFile;
  const fetched = async (contentKeys: readonly string[]): Promise<ReadonlySet<string>> =>
    servesFromHot && options.cold !== undefined ? fetchedOf(contentKeys, options.cold.store) : new Set();
  const release = new ReleaseReconciler({ store, hot, log, collectingGarbage: () => gc.collecting(), fetched, onGarbage: noteGarbage });
  const audit = new AuditReconciler({
    store,
    hot,
    isProvenCold,
    warm: (contentKey) => void options.cold?.warm(contentKey),
    log,
  });
  const indexBlocks = new IndexBlocksReconciler({ store, index, hot, clock, log, held: () => hold.held() });
  const cold =
    options.cold === undefined
      ? undefined
      : createCold(
          {
            ...options.cold,
            pins: store,
            keeps: (contentKey, signal) => release.keeps(contentKey, signal),
            clock,
            log,
            onLosses: () => noteLosses(),
            hasRoom: () => !hold.isShort(),
          },
          runLater,
        );
  const evict =
    cold === undefined || options.cold === undefined
      ? undefined
      : new EvictReconciler({
          store,
          cold: options.cold.store,
          hot,
          servesFromHot,
          readership: options.cold.readership,
          policy: options.cold.hotPolicy,
          capacityBytes: options.capacityBytes,
          evictAbove: options.cold.evictAbove,
          evictDownTo: options.cold.evictDownTo,
          disk: () => hold.disk(),
          hasRoom: () => !hold.isShort(),
          garbageBytes: () => gc.garbageBytes(),
          wantSample: (pieceId) => cold.wantSample(pieceId),
          warm: options.cold.warm,
          onEvicted: () =>
            void scheduler.run('release').then(
              () => {
                if (hold.isShort() || !gc.isPutOff()) runLater('gc');
              },
              () => undefined,
            ),
          clock,
          log,
        });
  const noteLosses = (): void => {
    evict?.noteLosses();
    if (evict !== undefined) runLater('evict');
  };
  /** While it is filling up it is said every other second. */
  let evictedMs = Number.NEGATIVE_INFINITY;
  const evictSoon = (): void => {
    const nowMs = clock.nowMs();
    if (evict === undefined || Math.abs(nowMs - evictedMs) < EVICT_REST_MS) return;
    evictedMs = nowMs;
    runLater('evict');
  };
  const scheduler: Scheduler = new Scheduler({
    reconcilers: [
      { reconciler: hold, cron: HOLD_CRON },
      { reconciler: pin, cron: MINUTELY },
      { reconciler: release, cron: MINUTELY },
      { reconciler: audit, cron: cron.sweep },
      { reconciler: gc, cron: cron.gc, atStart: false },
      { reconciler: indexBlocks, cron: MINUTELY },
      ...(cold === undefined || options.cold === undefined ? [] : scheduleCold(cold, options.cold.cron)),
      ...(evict === undefined ? [] : [{ reconciler: evict, cron: cron.evict }]),
    ],
    clock,
    log,
    metrics,
  });
  return {
    scheduler,
    pin,
    ...(cold === undefined ? {} : { cold: cold.view, retrievals: cold.retrievals, pieceBytes: cold.pieceBytes }),
    ...(evict === undefined ? {} : { evict }),
    ...(cold?.drill === undefined ? {} : { drills: cold.drill }),
    ...(cold?.scans === undefined ? {} : { scans: cold.scans }),
    noteGarbage,
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
  /** Absent where the maker sees to the escrow. */
  escrow?: Reconciler;
  /** The bytes of this piece should be asked for before those of others. */
  wantSample(pieceId: string): void;
  retrievals: RetrievalDesk;
  pieceBytes: PieceBytes;
  /** Absent where nothing is restored for a try. */
  drill?: DrillReconciler;
  /** Absent where nobody is looked for. */
  scans?: ProviderScan;
  /** Resolves when nothing goes on that outlives the pass it was begun in; then the store may be closed. */
  settled(): Promise<void>;
}

/** The reconcilers of the cold layer. `runLater` asks for a pass of the one with that name. */
export function createCold(options: ColdContextOptions, runLater: (name: string) => void): Cold {
  const parts = createColdParts(options);
  const wake = (): void => {
    for (const name of ['create', 'renew']) runLater(name);
  };
  const retrievals = new RetrievalDesk(parts);
  const { funding } = options;
  const escrow = funding && new EscrowReconciler({ ...parts, wallet: funding.wallet, escrowRules: funding.rules });
  const drill = options.drill === undefined ? undefined : new DrillReconciler({ ...parts, ...options.drill, retrievals });
  const scans = scanOf(parts);
  return {
    view: new ReconcilerView({ ...parts, perDayAtto: options.rules.perDayAtto, wake }),
    pieces: new PiecesReconciler(parts),
    create: new CreateReconciler(parts),
    verify: new VerifyReconciler(parts),
    renew: new RenewReconciler(parts),
    sample: new SampleReconciler(parts),
    ...(escrow === undefined ? {} : { escrow }),
    wantSample: (pieceId) => parts.samples.want(pieceId),
    retrievals,
    pieceBytes: parts.cars,
    ...(drill === undefined ? {} : { drill }),
    ...(scans === undefined ? {} : { scans }),
    async settled() {
      await scans?.stop();
      await drill?.stop();
      await parts.sender.settled();
      await parts.cars.stop();
    },
  };
}

function scanOf(parts: ColdParts): ProviderScan | undefined {
  const { miners, places } = parts;
  return miners === undefined || places === undefined ? undefined : new ProviderScan({ ...parts, miners, places });
}

function scheduleCold({ pieces, create, verify, renew, sample, escrow, drill }: Cold, cron: ColdCron): ScheduledReconciler[] {
  return [
    { reconciler: pieces, cron: cron.create },
    ...(escrow === undefined ? [] : [{ reconciler: escrow, cron: cron.escrow }]),
    { reconciler: verify, cron: cron.verify },
    { reconciler: renew, cron: cron.renew },
    { reconciler: create, cron: cron.create },
    { reconciler: sample, cron: cron.verify, atStart: false },
    ...(drill === undefined ? [] : [{ reconciler: drill, cron: cron.drill, atStart: false }]),
  ];
}
