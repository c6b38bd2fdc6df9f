import { ColdError } from '../../daemon/domain/cold-ports.ts';
import type { ColdStore, ColdView } from '../../daemon/domain/cold-store-port.ts';
import { isHeld } from '../../daemon/domain/content.ts';
import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { Pin, PinRequest } from '../../daemon/domain/pin.ts';
import type { ColdPolicy } from '../../daemon/domain/policy.ts';
import type { PinStore } from '../../daemon/domain/ports.ts';
import type { Budget } from '../../daemon/plan/money.ts';
import type { Reconciler } from '../../daemon/reconcilers/scheduler.ts';
import type { RunningRetrieval } from '../../daemon/retrieval.ts';
import { COUNTED_TYPES as COLD_TYPES } from '../../daemon/store/cold-store.ts';
import { COUNTED_TYPES } from '../../daemon/store/pin-store.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { SimFile } from './append-file.ts';
import { FlakyStore } from './flaky-store.ts';
import { Crash, Life } from './life.ts';
import { openParts } from './parts.ts';
import { isTrulyActive } from './truth.ts';
import type { World } from './world.ts';

export interface SimConfig {
  policy: ColdPolicy;
  budget: Budget;
  confirmLostEpochs: number;
  startLeadEpochs: number;
  /** What each content is said to have. */
  contentBytes: number;
  /** So many contents have room in the hot tier. */
  hotContents: number;
}

export const SMALL_CONFIG: SimConfig = {
  policy: {
    name: 'default',
    replicas: { min: 2, target: 3 },
    durationEpochs: 6_000,
    renewBeforeEpochs: 600,
    maxPriceAttoPerGibEpoch: 10_000n,
    verifiedDeal: false,
    countries: [],
    spread: true,
    excluded: [],
    maxWaitMs: 10 * 60_000,
    minFillBytes: 2 ** 30,
    repackBelow: 0.5,
  },
  budget: { perDayAtto: 2_000_000_000n, perDealAtto: 30_000_000n },
  confirmLostEpochs: 10,
  startLeadEpochs: 100,
  // A piece takes two of them.
  contentBytes: 600 * 2 ** 20,
  hotContents: Number.MAX_SAFE_INTEGER,
};

/** About so many turns a pass takes that has something to do. */
const TURNS_MAX = 1_000;

/** The real stores, planners and reconcilers in a process that can die at any call, over a world that goes on. */
export class SimDaemon {
  readonly world: World;
  readonly config: SimConfig;
  /** What is durable: it outlives the process. */
  readonly disk: MemoryStore;
  readonly spendLog = new SimFile();
  /** Pins whose acceptance was told and of whose removal nobody has heard. */
  readonly accepted = new Map<string, Pin>();
  /** Contents of which a deal was seen to be active, at some time. */
  readonly proven = new Set<string>();
  /** What was seen that must not happen. */
  readonly violations: string[] = [];
  readonly flaky: FlakyStore;
  life: Life;
  pins!: PinStore;
  cold!: ColdStore;
  view!: ColdView;
  retrieval!: RunningRetrieval;
  #reconcilers = new Map<string, Reconciler>();
  /** How many processes there were. */
  generation = 0;

  private constructor(world: World, config: SimConfig) {
    this.world = world;
    this.life = new Life(world.random);
    this.config = config;
    this.disk = new MemoryStore({ countedTypes: [...COUNTED_TYPES, ...COLD_TYPES] });
    this.flaky = new FlakyStore(this.disk);
    world.market.onSend = (dealId, provider) => {
      if (this.cold.breaker() !== undefined) this.violations.push(`deal ${dealId} was sent to ${provider} while spending was frozen`);
    };
  }

  static async start(world: World, config: SimConfig): Promise<SimDaemon> {
    const daemon = new SimDaemon(world, config);
    await daemon.restart();
    return daemon;
  }

  /** The process ends, and another one begins with what is on disk. */
  async restart(): Promise<void> {
    this.life.isDead = true;
    this.generation += 1;
    this.life = new Life(this.world.random.fork(`life ${this.generation}`));
    const fullFor = this.flaky.fullFor;
    this.flaky.fullFor = 0;
    const parts = await openParts(this);
    Object.assign(this, parts);
    this.#reconcilers = new Map(parts.reconcilers.map((reconciler) => [reconciler.name, reconciler]));
    this.flaky.fullFor = fullFor;
    await this.pins.recoverFetches();
  }

  /**
   * One pass of each, in that order or side by side, after what the hot side does. With `amid`, side by side with something that
   * somebody asks for meanwhile.
   */
  async work(order: readonly string[], atOnce = false, amid?: () => Promise<void>): Promise<void> {
    await this.#living(() => this.#bringIn());
    await this.#living(() => this.#pass('release'));
    if (this.world.random.below(2) === 0) await this.#living(() => this.#pass('gc'));
    if (atOnce) await Promise.all([this.#living(() => this.#allAtOnce(order)), this.#aWhileLater(amid)]);
    else for (const name of order) await this.#living(() => this.#pass(name));
    // A commit that makes a fetch due wakes it: what was let go and is wanted again is not gone for long.
    await this.#living(() => this.#bringIn());
  }

  #pass(name: string): Promise<unknown> | undefined {
    return this.#reconcilers.get(name)?.pass(new AbortController().signal);
  }

  /** All are over before any of them tells what became of it. */
  async #allAtOnce(order: readonly string[]): Promise<void> {
    const results = await Promise.allSettled(order.map((name) => this.#pass(name)));
    for (const result of results) if (result.status === 'rejected' && !isExpected(result.reason)) throw result.reason;
  }

  /** Some steps of the passes later. */
  async #aWhileLater(task: (() => Promise<void>) | undefined): Promise<void> {
    if (task === undefined) return;
    for (let turns = this.world.random.below(TURNS_MAX); turns > 0; turns--) await undefined;
    await task();
  }

  async add(accountId: string, request: PinRequest): Promise<void> {
    await this.#living(async () => {
      const pin = await this.pins.add(accountId, request);
      this.accepted.set(pin.requestId, pin);
    });
  }

  async remove(pick: number): Promise<void> {
    const pin = [...this.accepted.values()][pick % Math.max(1, this.accepted.size)];
    if (pin === undefined) return;
    this.accepted.delete(pin.requestId);
    await this.#living(() => this.pins.remove(pin.accountId, pin.requestId));
  }

  /** Somebody reads it, and waits until it is there or cannot be had. */
  async read(contentKey: string): Promise<void> {
    await this.#living(async () => {
      const content = await this.pins.content(contentKey);
      if (content === undefined || !isHeld(content)) return;
      this.retrieval.noteRead(contentKey);
      if (content.hot === 'cold') await this.retrieval.warm(contentKey);
    });
  }

  /** Invariant 5, in other words than the planner's: called before a hot copy goes. */
  async checkMayGo(contentKey: string): Promise<void> {
    const proven = await Promise.all(
      (await this.cold.piecesOf(contentKey)).map(async ({ value: piece }) => {
        const active = (await this.cold.dealsOf(piece.id)).map(({ value }) => value).filter(({ state }) => state === 'active');
        const holders = new Set(active.map(({ provider }) => provider));
        return holders.size >= 2 && active.some(({ retrievalEvidence }) => retrievalEvidence !== undefined);
      }),
    );
    if (!proven.includes(true)) this.violations.push(`the hot copy of ${contentKey} was let go, and nothing proves the cold ones`);
  }

  /** The second half of invariant 2: only what nobody has is said to be lost. */
  async checkIsLost(contentKey: string): Promise<void> {
    for (const { value: piece } of await this.cold.piecesOf(contentKey)) {
      for (const reached of this.world.market.reached.values()) {
        if (reached.pieceId === piece.id && isTrulyActive(this.world, reached))
          this.violations.push(`${contentKey} is said to be lost, and ${reached.provider} has it`);
      }
    }
  }

  async suspend(provider: string, isSuspended: boolean): Promise<void> {
    await this.#living(() => (isSuspended ? this.view.suspend(provider, 'test') : this.view.unsuspend(provider)));
  }

  async freeze(isFrozen: boolean): Promise<void> {
    if (isFrozen) await this.#living(() => this.view.freeze('test'));
    else if (this.cold.breaker() !== undefined) await this.#living(() => this.view.unfreeze());
  }

  /** The operator has looked, and lets everything go on. */
  async letSpend(): Promise<void> {
    await this.freeze(false);
    for (const { value } of await this.cold.providers()) if (value.suspended !== undefined) await this.suspend(value.id, false);
  }

  /** Runs something in the process; when it dies of it, the next one begins. What a full disk or a silent node refuses is for another time. */
  async #living(task: () => unknown): Promise<void> {
    try {
      await task();
    } catch (error) {
      if (!isExpected(error) && !this.life.isDead) throw error;
    }
    if (!this.life.isDead) return;
    await this.restart();
  }

  /** Fetches for pins in their shortest form: what is wanted is there at once. */
  async #bringIn(): Promise<void> {
    const { pins, world } = this;
    for (const accountId of pins.queuedAccounts()) {
      for (let found = await pins.nextQueued(accountId, () => false); found.next; found = await pins.nextQueued(accountId, () => false)) {
        const { key } = found.next.content;
        if (!(await pins.beginFetch(key, 'ours'))) continue;
        world.hot.add(key);
        world.blocks.add(key);
        await pins.endFetch(key, { kind: 'pinned', sizeBytes: this.config.contentBytes, blocks: 1 });
      }
    }
  }
}

/** What the world may answer at any time, and a pass may pass on. */
function isExpected(error: unknown): boolean {
  return error instanceof Crash || error instanceof ColdError || isFbpdError(error, 'STORAGE_FULL') || isFbpdError(error, 'CONFLICT');
}
