import type { ColdStore } from '../domain/cold-store-port.ts';
import type { Content } from '../domain/content.ts';
import type { Reason } from '../domain/pin.ts';
import type { HotTier, PinStore } from '../domain/ports.ts';
import type { Readership } from '../domain/readership-port.ts';
import { isTiny, planRoom, planStay, planTier, planTiny, type StayReason } from '../plan/evict.ts';
import type { LastLook } from '../plan/hold.ts';
import { batches } from './batches.ts';
import { Tally } from './cold/pool.ts';
import { type ContentProof, Proofs } from './cold/proof.ts';
import { ColdCare, type ColdCareOptions } from './cold-care.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface EvictOptions extends ColdCareOptions {
  store: ColdCareOptions['store'] & Pick<PinStore, 'contents' | 'held' | 'releasing' | 'evict'>;
  cold: Pick<ColdStore, 'coldOf' | 'dealsOf'>;
  hot: Pick<HotTier, 'exclusive' | 'status' | 'usage'>;
  /** Whether providers fetch pieces as hot blocks from here. */
  servesFromHot: boolean;
  readership: Readership;
  capacityBytes: number;
  evictAbove: number;
  evictDownTo: number;
  disk(): 'ok' | 'low' | 'full';
  /** Unpinned and not yet deleted, about. */
  garbageBytes(): number;
  /** The bytes of this piece should be asked for before those of others. */
  wantSample(pieceId: string): void;
  /** Hot copies were let go, or went before: what they leave is to be deleted. */
  onEvicted(): void;
}

const USAGE_TIMEOUT_MS = 5_000;
/** Contents that nobody reads are looked at in turn, so many in a pass; the next pass goes on behind them. */
const UNREAD_A_PASS = 20_000;
/** What is to be unpinned beyond this is not reckoned with. */
const RELEASING_MAX = 20_000;

/** One look for hot copies that may go. */
interface Round {
  wantedBytes: number;
  freedBytes: number;
  proofs: Proofs;
  /** How many have to stay, by reason. */
  stays: Partial<Record<StayReason, number>>;
  /** Those that may go and free next to nothing; undefined when they are let go like all others. */
  tiny: string[] | undefined;
}

/**
 * Makes the hot tier a cache: lets hot copies go that are least wanted and proven cold, and brings those back of which too
 * few cold ones are left.
 */
export class EvictReconciler implements Reconciler {
  readonly name = 'evict';
  readonly #options: EvictOptions;
  /** Behind this key the unread contents are looked at next. */
  #after: string | undefined;
  readonly #care: ColdCare;
  #lastLook: LastLook = {};

  constructor(options: EvictOptions) {
    this.#options = options;
    this.#care = new ColdCare(options, () => this.#proofs());
  }

  /** Cold copies were lost: the next pass looks at everything that has no hot one. */
  noteLosses(): void {
    this.#care.hurry();
  }

  /** How the last look for hot copies that may go has ended. */
  lastLook(): LastLook {
    return this.#lastLook;
  }

  /** Why a content is hot or cold; undefined when there is none. */
  async why(contentKey: string): Promise<Reason | undefined> {
    const { store, readership, policy, capacityBytes, clock } = this.#options;
    const [[content], [proof]] = await Promise.all([store.contents([contentKey]), this.#proofs().of([contentKey])]);
    if (content === undefined || proof === undefined) return undefined;
    const nowMs = clock.nowMs();
    return planTier({
      content,
      proof,
      policy,
      idleMs: readership.idleMs(contentKey, nowMs),
      standing: readership.explain(contentKey, nowMs),
      capacityBytes,
      nowMs,
    });
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const { hot } = this.#options;
    const tally = new Tally();
    if (!hot.exclusive) tally.skip('external');
    else if (!hot.status().up) tally.skip('hot_down');
    else {
      // What is brought back may wait for room, so that comes first; and it comes also when the tier cannot say how full it is.
      try {
        await this.#makeRoom(tally, signal);
      } finally {
        await this.#care.pass(tally, signal);
      }
    }
    return tally.report();
  }

  async #makeRoom(tally: Tally, signal: AbortSignal): Promise<void> {
    const { policy, capacityBytes, evictAbove, evictDownTo, disk } = this.#options;
    const goingBytes = await this.#goingBytes();
    const repoBytes = await this.#repoBytes(signal);
    const usedBytes = Math.max(0, repoBytes - goingBytes);
    const needBytes = planRoom({ usedBytes, goingBytes, capacityBytes, evictAbove, evictDownTo, disk: disk() });
    this.#lastLook = {};
    if (needBytes === 0 && policy.enabled) {
      // What was let go is enough, once it is deleted. A collection makes fetches begin anew, so it is to be worth it.
      const isOver = repoBytes > evictAbove * capacityBytes;
      if (isOver && goingBytes >= (evictAbove - evictDownTo) * capacityBytes) this.#options.onEvicted();
      return;
    }
    // Where no hot copies are wanted beside proven cold ones, all go that may.
    const wantedBytes = policy.enabled ? needBytes : Number.POSITIVE_INFINITY;
    const round: Round = {
      wantedBytes,
      freedBytes: 0,
      proofs: this.#proofs(),
      stays: {},
      tiny: policy.enabled ? [] : undefined,
    };
    await this.#evictThose(this.#candidates(), round, tally, signal);
    const tiny = round.tiny ?? [];
    if (round.freedBytes < needBytes && planTiny(tiny.length, needBytes - round.freedBytes)) {
      round.tiny = undefined;
      await this.#evictThose(tiny, round, tally, signal);
    } else if (tiny.length > 0) tally.skip('tiny', tiny.length);
    if (round.freedBytes > 0) this.#options.onEvicted();
    else if (needBytes > 0) this.#lastLook = { stuck: round.stays };
    if (round.freedBytes < needBytes) tally.skip('not_enough');
  }

  async #evictThose(candidates: AsyncIterable<string> | Iterable<string>, round: Round, tally: Tally, signal: AbortSignal): Promise<void> {
    for await (const batch of batches(candidates)) {
      if (signal.aborted || round.freedBytes >= round.wantedBytes) return;
      await this.#evictSome(batch, round, tally);
    }
  }

  /** In the order in which they should go: first what nobody reads. */
  async *#candidates(): AsyncGenerator<string> {
    const { store, readership } = this.#options;
    const begin = this.#after;
    let looked = 0;
    const look = (content: Content): boolean => {
      looked += 1;
      this.#after = content.key;
      return !readership.came(content.key, content.sizeBytes ?? 0);
    };
    for await (const content of store.held(begin)) {
      if (looked >= UNREAD_A_PASS) break;
      if (look(content)) yield content.key;
    }
    if (looked < UNREAD_A_PASS) this.#after = undefined;
    // From the first one again, up to where it began.
    if (begin !== undefined && looked < UNREAD_A_PASS) {
      for await (const content of store.held()) {
        if (looked >= UNREAD_A_PASS || content.key > begin) break;
        if (look(content)) yield content.key;
      }
    }
    yield* readership.victims();
  }

  async #evictSome(keys: readonly string[], round: Round, tally: Tally): Promise<void> {
    const { store, readership } = this.#options;
    const [contents, found] = await Promise.all([store.contents(keys), round.proofs.of(keys)]);
    for (const [index, content] of contents.entries()) {
      const proof = found[index];
      if (content === undefined || proof === undefined) readership.gone(keys[index] ?? '');
      else if (content.hot !== 'pinned') readership.left(content.key);
      else await this.#evictOne(content, proof, round, tally);
      if (round.freedBytes >= round.wantedBytes) return;
    }
  }

  async #evictOne(content: Content, proof: ContentProof, round: Round, tally: Tally): Promise<void> {
    const { store, readership, policy, clock, log, wantSample } = this.#options;
    const nowMs = clock.nowMs();
    const stays = planStay(content, proof, policy, readership.idleMs(content.key, nowMs), nowMs);
    if (stays !== undefined) {
      if (stays === 'unsampled' && proof.pieceId !== undefined) wantSample(proof.pieceId);
      round.stays[stays] = (round.stays[stays] ?? 0) + 1;
      tally.skip(stays);
      return;
    }
    if (round.tiny !== undefined && isTiny(content)) {
      round.tiny.push(content.key);
      return;
    }
    tally.due += 1;
    const text = `the hot copy is let go: ${proof.active} cold copies are active, and one of them gave its bytes back`;
    if (!(await store.evict(content.key, text))) return;
    await this.#takeBack(content.key);
    readership.left(content.key);
    log.info({ cid: content.key, sizeBytes: content.sizeBytes, active: proof.active }, 'a hot copy is let go');
    tally.done += 1;
    round.freedBytes += content.sizeBytes ?? 0;
  }

  /** What is to be deleted, and what is to be unpinned first. */
  async #goingBytes(): Promise<number> {
    const { store, garbageBytes } = this.#options;
    const leaving = await store.releasing(RELEASING_MAX);
    return leaving.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, garbageBytes());
  }

  /** Since the proof was read, a deal may have been intended whose provider will fetch it from here: this pass goes on to bring it back. */
  async #takeBack(contentKey: string): Promise<void> {
    const [proof] = this.#options.servesFromHot ? await this.#proofs().of([contentKey]) : [];
    if (proof?.isFetched === true) this.#care.hurry();
  }

  #proofs(): Proofs {
    return new Proofs(this.#options.cold, this.#options.servesFromHot);
  }

  async #repoBytes(signal: AbortSignal): Promise<number> {
    const { repoBytes } = await this.#options.hot.usage(AbortSignal.any([signal, AbortSignal.timeout(USAGE_TIMEOUT_MS)]));
    return repoBytes;
  }
}
