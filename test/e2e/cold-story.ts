import { setTimeout as sleep } from 'node:timers/promises';

import type { ExecutionContext } from 'ava';
import type { Devnet } from '../devnet/devnet.ts';
import { type ColdDaemonOptions, createColdDaemon } from '../fixtures/create-cold-daemon.ts';
import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { poll } from '../fixtures/poll.ts';
import type { Random } from '../fixtures/random.ts';

/** A deal as the operator sees it. */
export interface ShownDeal {
  id: string;
  piece: string;
  provider: string;
  state: string;
  reason: string;
  outcome?: string;
  proposalCid: string;
  cost: string;
  startEpoch: number;
  endEpoch: number;
  replaces?: string;
  retrievalEvidence?: object;
}

const PATIENCE_MS = 90_000;
const LIVE = new Set(['intended', 'proposed', 'accepted', 'published', 'active']);
/** In the wallet of a new development network. */
const FUNDED_ATTO = 1_000n * 10n ** 18n;
/** For messages to the market: far below any deal. */
const GAS_MAX_ATTO = 10n ** 15n;
/** So many epochs at once, then the daemon gets its say: no more than what it was told to begin renewals ahead. */
const STRIDE_EPOCHS = 100;

/** A daemon with its development network, and what happens to them. */
export class ColdStory {
  readonly daemon: TestDaemon;
  readonly devnet: Devnet;
  readonly #random: Random;
  kills = 0;

  constructor(parts: { daemon: TestDaemon; devnet: Devnet; random: Random }) {
    this.daemon = parts.daemon;
    this.devnet = parts.devnet;
    this.#random = parts.random;
  }

  static async begin(t: ExecutionContext, random: Random, options: ColdDaemonOptions = {}): Promise<ColdStory> {
    const world = await createColdDaemon(t, options);
    await world.daemon.start();
    return new ColdStory({ ...world, random });
  }

  /** SIGKILL after some milliseconds, and up again. */
  async kill(withinMs: number): Promise<void> {
    await sleep(this.#random.below(Math.max(1, withinMs)));
    await this.daemon.kill('SIGKILL');
    this.kills += 1;
    await this.daemon.start();
  }

  async deals(): Promise<ShownDeal[]> {
    const { status, body } = await this.daemon.admin('GET', '/admin/deals?limit=1000');
    if (status !== 200) throw new Error(`/admin/deals: ${status} ${JSON.stringify(body)}`);
    return (body as { deals: ShownDeal[] }).deals;
  }

  async live(): Promise<ShownDeal[]> {
    return (await this.deals()).filter(({ state }) => LIVE.has(state));
  }

  /** Waits until every piece has that many active deals, none in doubt, and resolves with them. */
  async settled(copies: number, pieces = 1): Promise<ShownDeal[]> {
    let active: ShownDeal[] = [];
    await poll(`${copies} active deals of each of ${pieces} pieces`, PATIENCE_MS, async () => {
      active = (await this.deals()).filter(({ state }) => state === 'active');
      const counts = Map.groupBy(active, ({ piece }) => piece);
      return counts.size >= pieces && [...counts.values()].every(({ length }) => length >= copies);
    });
    return active;
  }

  /** Lets so much chain time pass, with the daemon at work all the while. */
  async pass(epochs: number): Promise<void> {
    for (let left = epochs; left > 0; left -= STRIDE_EPOCHS) {
      await this.devnet.advance(Math.min(left, STRIDE_EPOCHS));
      await this.reconcile();
    }
  }

  async reconcile(): Promise<void> {
    for (const name of ['pieces', 'verify', 'renew', 'create']) await this.daemon.admin('POST', `/admin/reconcile/${name}`);
  }

  /** What must be so whenever nothing is in flight: every deal out there is ours, once, and the money agrees to the attoFIL. */
  async verifyLedger(t: ExecutionContext): Promise<void> {
    const ours = await this.deals();
    const truth = this.devnet.truth();
    const known = new Map(ours.map((deal) => [deal.proposalCid, deal]));
    t.is(known.size, ours.length, 'every deal has a proposal of its own');
    t.deepEqual(
      truth.deals.filter(({ proposalCid }) => !known.has(proposalCid)),
      [],
      'no provider knows a deal that we do not',
    );
    t.is(new Set(truth.deals.map(({ proposalCid }) => proposalCid)).size, truth.deals.length, 'no deal was made twice');
    const onChain = truth.deals.filter(({ dealId }) => dealId !== null);
    const locked = onChain.reduce((sum, { proposalCid }) => sum + BigInt(known.get(proposalCid)?.cost ?? -1n), 0n);
    t.is(truth.locked, locked.toString(), 'locked on the chain is what our deals there cost');
    const paid = Object.values(truth.paid).reduce((sum, atto) => sum + BigInt(atto), 0n);
    const gas = FUNDED_ATTO - BigInt(truth.balance) - BigInt(truth.escrow) - paid;
    t.true(gas >= 0n && gas < GAS_MAX_ATTO, `${gas} attoFIL went elsewhere than to providers and escrow`);
    t.true(BigInt(truth.escrow) >= locked);
    t.deepEqual(
      (await this.daemon.cli('status', '--json').then(({ stdout }) => JSON.parse(stdout))).cold?.held,
      undefined,
      'spending is not held',
    );
    for (const [piece, deals] of Map.groupBy(await this.live(), (deal) => deal.piece)) this.#verifyDomains(t, piece, deals);
  }

  /** One copy per provider, but for a renewal and the deal that it takes over from. */
  #verifyDomains(t: ExecutionContext, piece: string, deals: readonly ShownDeal[]): void {
    for (const [provider, same] of Map.groupBy(deals, (deal) => deal.provider)) {
      const replaced = new Set(same.map(({ replaces }) => replaces));
      const apart = same.filter(({ id }) => !replaced.has(id));
      t.is(apart.length, 1, `piece ${piece} has ${apart.length} copies with ${provider}`);
    }
  }
}
