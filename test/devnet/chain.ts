import { RpcError } from './errors.ts';
import { History } from './history.ts';
import { type ChainIdentity, nextTip, renderTip, type Tip } from './tip-sets.ts';

/** Something that happens by the chain's clock: the market's cron, messages, clients, providers. */
export interface Follower {
  /** The soonest epoch after `epoch` at which there is something to do; infinity when there is nothing. */
  due(epoch: number): number;
  /** Everything due at or before that epoch. Runs once per tip set, in the order in which followers were added. */
  onEpoch(epoch: number): Promise<void> | void;
  /** Everything above the epoch was taken back. */
  onReorg?(epoch: number): void;
}

/** Tip sets that are kept for look-ups. */
const KEEP_TIPS = 6_000;
/** The last epochs of a long way are all walked, the rest in strides. */
const DENSE_EPOCHS = 1_000;
const STRIDE_EPOCHS = 60;
const PRUNE_EVERY = 500;

export interface ChainDump {
  tips: Tip[];
  genesis: Tip;
  branch: number;
  state: ReturnType<History['dump']>;
}

/** Tip sets and the state behind them. It only moves when it is told to. */
export class Chain {
  readonly identity: ChainIdentity;
  readonly state = new History();
  /** Whether some rounds have no block, as on every real network. */
  readonly #nullRounds: boolean;
  readonly #followers: Follower[] = [];
  #tips: Tip[];
  #genesis: Tip;
  #branch = 0;
  #waiting = new Set<() => void>();
  #moving: Promise<void> = Promise.resolve();

  constructor(identity: ChainIdentity, options: { nullRounds: boolean }) {
    this.identity = identity;
    this.#nullRounds = options.nullRounds;
    this.#genesis = nextTip(identity, undefined, 0, 0);
    this.#tips = [this.#genesis];
  }

  get head(): Tip {
    return this.#tips.at(-1) ?? this.#genesis;
  }

  get epoch(): number {
    return this.head.height;
  }

  get genesis(): Tip {
    return this.#genesis;
  }

  follow(follower: Follower): void {
    this.#followers.push(follower);
  }

  /** The next head is exactly that many epochs higher. Calls wait for each other. */
  async advance(epochs: number): Promise<void> {
    await this.#exclusively(async () => {
      const target = this.epoch + epochs;
      while (this.epoch < target) await this.#step(this.#nextEpoch(target));
    });
  }

  /** Takes the newest tip sets back, down to `depth` epochs, and grows another branch of the same height. */
  async reorg(depth: number, onTakenBack: () => void = () => undefined): Promise<void> {
    await this.#exclusively(async () => {
      const height = this.epoch;
      const fork = Math.max(0, height - depth);
      this.#tips = this.#tips.filter((tip) => tip.height <= fork);
      if (this.#tips.length === 0) this.#tips = [this.#genesis];
      this.#branch += 1;
      this.state.rollback(this.epoch);
      for (const follower of this.#followers) follower.onReorg?.(this.epoch);
      onTakenBack();
      while (this.epoch < height) await this.#step(Math.min(height, this.epoch + 1));
    });
  }

  /** The tip set with that key; the head for an empty one. */
  tipOf(key: readonly string[]): Tip {
    if (key.length === 0) return this.head;
    const wanted = [...key].sort().join();
    const tip = [...this.#tips, this.#genesis].findLast(({ cids }) => [...cids].sort().join() === wanted);
    if (tip === undefined) {
      throw new RpcError(1, `loading tipset {${key.join(',')}}: get block ${key[0]}: ipld: could not find ${key[0]}`);
    }
    return tip;
  }

  /** The tip set at that height, or below it where the round was null. */
  tipAt(height: number): Tip {
    if (height > this.epoch) {
      throw new RpcError(1, `looking for tipset with height greater than start point`);
    }
    return this.#tips.findLast((tip) => tip.height <= height) ?? this.#genesis;
  }

  /** The tip set that a block is in. */
  tipWith(cid: string): Tip {
    const tip = [...this.#tips, this.#genesis].findLast(({ cids }) => cids.includes(cid));
    if (tip === undefined) throw new RpcError(1, `ipld: could not find ${cid}`);
    return tip;
  }

  hasBlock(cid: string): boolean {
    return [...this.#tips, this.#genesis].some(({ cids }) => cids.includes(cid));
  }

  /** Resolves at the next tip set; rejects when the signal is aborted. */
  nextTip(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(onTip);
        reject(new RpcError(1, 'context canceled'));
      };
      const onTip = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      if (signal.aborted) return reject(new RpcError(1, 'context canceled'));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(onTip);
    });
  }

  render(tip: Tip): Record<string, unknown> {
    return renderTip(this.identity, tip);
  }

  dump(): ChainDump {
    return { tips: this.#tips, genesis: this.#genesis, branch: this.#branch, state: this.state.dump() };
  }

  load(dump: ChainDump): void {
    this.#tips = dump.tips;
    this.#genesis = dump.genesis;
    this.#branch = dump.branch;
    this.state.load(dump.state);
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    const done = this.#moving.then(work);
    this.#moving = done.catch(() => undefined);
    return done;
  }

  #nextEpoch(target: number): number {
    const now = this.epoch;
    const due = Math.max(now + 1, Math.min(...this.#followers.map((follower) => follower.due(now))));
    if (target - now > DENSE_EPOCHS) return Math.min(due, now + STRIDE_EPOCHS, target - DENSE_EPOCHS);
    const isNull = this.#nullRounds && (now + 1) % 17 === 11 && now + 2 <= target;
    return isNull ? now + 2 : now + 1;
  }

  async #step(height: number): Promise<void> {
    this.#tips.push(nextTip(this.identity, this.head, height, this.#branch));
    if (this.#tips.length > KEEP_TIPS + PRUNE_EVERY) {
      this.#tips.splice(0, this.#tips.length - KEEP_TIPS);
      this.state.prune(this.#tips[0]?.height ?? 0);
    }
    for (const follower of this.#followers) await follower.onEpoch(height);
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}
