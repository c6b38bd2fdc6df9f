import { setTimeout as sleep } from 'node:timers/promises';

import type { Reason } from '../domain/pin.ts';
import type { HotPolicy } from '../domain/policy.ts';
import type { Clock, PinStore } from '../domain/ports.ts';
import type { Warmed } from '../domain/retrieval-ports.ts';
import type { Log } from '../log.ts';
import { planCare } from '../plan/evict.ts';
import { batches } from './batches.ts';
import { eachOf, type Tally } from './cold/pool.ts';
import type { Proofs } from './cold/proof.ts';

export interface ColdCareOptions {
  store: Pick<PinStore, 'cold' | 'lose'>;
  policy: HotPolicy;
  /** Room for what is to be brought back. */
  hasRoom(): boolean;
  /** Brings a cold content back; resolves when that is over, whatever became of it. */
  warm(contentKey: string): Promise<Warmed>;
  clock: Clock;
  log: Log;
}

/** All cold contents are looked at this often; when copies were lost, at once. */
const CARE_EVERY_MS = 60 * 60_000;
const WARM_A_PASS = 16;
/** Bringing back goes on by itself, as long as it takes; room is made meanwhile. */
const WARM_WAIT_MS = 10_000;
const LOST_A_PASS = 256;
const LOST_AT_ONCE = 4;

const LOST: Reason = {
  code: 'lost',
  text: 'lost: the hot copy was let go when the cold ones were proven, and every one of those has ended or been lost since',
};

/** Sees to what has no hot copy any more, and too few cold ones: it is brought back, or said to be lost. */
export class ColdCare {
  readonly #options: ColdCareOptions;
  readonly #proofs: () => Proofs;
  #caredMs = Number.NEGATIVE_INFINITY;
  #isHurried = true;

  constructor(options: ColdCareOptions, proofs: () => Proofs) {
    this.#options = options;
    this.#proofs = proofs;
  }

  /** Cold copies were lost: the next pass looks at everything that has no hot one. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** Looks at all of them once an hour, and sooner when it is to hurry. */
  async pass(tally: Tally, signal: AbortSignal): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (!this.#isHurried && Math.abs(nowMs - this.#caredMs) < CARE_EVERY_MS) return;
    // Without room nothing comes back, so that it cannot be told either whether anybody has it.
    if (!this.#options.hasRoom()) {
      tally.skip('no_room');
      return;
    }
    this.#isHurried = false;
    this.#caredMs = nowMs;
    const { warm, lost } = await this.#needy(signal, tally);
    await eachOf(lost, LOST_AT_ONCE, signal, (key) => this.#lose(key, tally));
    const warming = Promise.all(warm.map((key) => this.#options.warm(key)));
    const enough = new AbortController();
    const waited = sleep(WARM_WAIT_MS, undefined, { signal: AbortSignal.any([signal, enough.signal]) }).catch(() => undefined);
    await Promise.race([warming, waited]);
    enough.abort();
  }

  /** Cold contents that are to be made hot again, and those that nobody has any more; so many as a pass takes. */
  async #needy(signal: AbortSignal, tally: Tally): Promise<Record<'warm' | 'lost', string[]>> {
    const { store, policy } = this.#options;
    const needy = { warm: [] as string[], lost: [] as string[] };
    const most = { warm: WARM_A_PASS, lost: LOST_A_PASS };
    const proofs = this.#proofs();
    for await (const batch of batches(store.cold())) {
      if (signal.aborted) break;
      const found = await proofs.of(batch.map(({ key }) => key));
      for (const [index, { key }] of batch.entries()) {
        const proof = found[index];
        const care = proof === undefined ? 'nothing' : planCare(proof, policy);
        if (care === 'nothing') continue;
        tally.due += 1;
        if (needy[care].length < most[care]) needy[care].push(key);
        else {
          // The next pass is not to wait an hour for the rest.
          this.#isHurried = true;
          tally.skip(`${care}_later`);
        }
      }
    }
    tally.done += needy.warm.length;
    return needy;
  }

  async #lose(key: string, tally: Tally): Promise<void> {
    const { store, warm, log } = this.#options;
    // Blocks of it may still lie here, or the IPFS network may have it.
    if ((await warm(key)) !== 'nobody') {
      this.#isHurried = true;
      return;
    }
    if (!(await store.lose(key, LOST))) return;
    log.error({ cid: key }, 'every copy of a content is lost: its pins have failed');
    tally.done += 1;
  }
}
