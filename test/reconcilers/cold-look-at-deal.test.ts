import test from 'ava';

import { type Chain, ColdError, type DealMaker, type MarketDeal } from '../../daemon/domain/cold-ports.ts';
import type { Seen } from '../../daemon/plan/deal-step.ts';
import type { SpendingGuard } from '../../daemon/reconcilers/cold/guard.ts';
import { lookAtDeal } from '../../daemon/reconcilers/cold/look-at-deal.ts';
import { createDeal } from '../fixtures/create-cold-records.ts';

const PIECE_CID = 'baga6ea4seaqdtkumidcuhrma7tfhltmfwu65sbqpp57rzjqvcofzmkqgzfrxidi';
const DEAL = createDeal(1, { state: 'accepted', sends: 1, wallet: 'f1payer' });
const VIEW = { network: 'net', genesisCid: 'bafygenesis', headEpoch: 9_500, finalizedEpoch: 9_400, finalizedKey: ['bafyblock'] };

/** As the chain has a deal under the id that the provider names. */
function onChain(client: string): MarketDeal {
  return {
    ...DEAL.terms,
    pieceCid: PIECE_CID,
    pieceSizeBytes: 256,
    client,
    provider: DEAL.provider,
    label: '',
    sectorStartEpoch: 9_300,
    lastUpdatedEpoch: -1,
    slashEpoch: -1,
  };
}

/** What is seen of a deal of `client`; `payer` is what the chain calls our wallet, undefined where it does not say. */
function look(client: string, payer: string | undefined): Promise<Seen> {
  const chain = { marketDeal: async (id: number) => (id === 7 ? onChain(client) : undefined) } as unknown as Chain;
  const maker = { report: async () => ({ kind: 'going', state: 'published', said: '', chainDealId: 7 }) } as unknown as DealMaker;
  const guard = { idAddress: async () => payer } as unknown as SpendingGuard;
  const options = { chain, maker, guard, clock: { nowMs: () => 0 } };
  return lookAtDeal(DEAL, PIECE_CID, { view: VIEW }, options, new AbortController().signal);
}

test('a deal that is like ours and has another client is none of ours', async (t) => {
  t.like(await look('f099', 'f099'), { chainDealId: 7, final: onChain('f099') });
  t.like(await look('f0666', 'f099'), { final: 'absent', atHead: 'absent' });
});

test('while the chain does not say who we are nothing is taken for ours, nor for absent', async (t) => {
  for (const client of ['f099', 'f0666']) {
    const seen = await look(client, undefined);
    t.is(seen.final, undefined);
    t.is(seen.chainDealId, undefined);
  }
});

test('what is nowhere on the chain is absent, whoever we are', async (t) => {
  const chain = { marketDeal: async () => undefined } as unknown as Chain;
  const maker = { report: () => Promise.reject(new ColdError('unreachable', '')) } as unknown as DealMaker;
  const guard = { idAddress: async () => undefined } as unknown as SpendingGuard;
  const known = { ...DEAL, chainDealId: 9 };
  const options = { chain, maker, guard, clock: { nowMs: () => 0 } };
  t.like(await lookAtDeal(known, PIECE_CID, { view: VIEW }, options, new AbortController().signal), { final: 'absent', atHead: 'absent' });
});

/** A provider that took the deal and names nothing of the chain, as Curio does until it is through with it. */
async function lastLook(finalizedEpoch: number, findPublished: Chain['findPublished'], deal = DEAL): Promise<Seen> {
  const chain = {
    marketDeal: async (id: number) => (id === 7 ? { ...onChain('f099'), sectorStartEpoch: -1 } : undefined),
    ...(findPublished === undefined ? {} : { findPublished }),
  } as unknown as Chain;
  const maker = { report: async () => ({ kind: 'going', state: 'accepted', said: 'in progress' }) } as unknown as DealMaker;
  const guard = { idAddress: async () => 'f099' } as unknown as SpendingGuard;
  const options = { chain, maker, guard, clock: { nowMs: () => 0 } };
  const view = { ...VIEW, finalizedEpoch, headEpoch: finalizedEpoch + 100 };
  return lookAtDeal(deal, PIECE_CID, { view }, options, new AbortController().signal);
}

const { startEpoch } = DEAL.terms;
const published = (chainDealId: number) => ({
  chainDealId,
  pieceCid: PIECE_CID,
  client: '',
  provider: DEAL.provider,
  startEpoch,
  endEpoch: 0,
});

test('before a deal is given up that was taken, what was published is looked through; a provider need not say what it did', async (t) => {
  const wanted: unknown[] = [];
  const find: Chain['findPublished'] = async (one) => {
    wanted.push(one);
    return [published(6), published(7)];
  };
  t.like(await lastLook(startEpoch, find), { final: 'absent' });
  t.deepEqual(wanted, [], 'as long as it may still be published it is not looked for');
  t.like(await lastLook(startEpoch + 1, find), { chainDealId: 7, final: { sectorStartEpoch: -1 } });
  t.deepEqual(wanted, [{ pieceCid: PIECE_CID, provider: DEAL.provider, startEpoch, from: 9_000, to: startEpoch }]);
  t.like(await lastLook(startEpoch + 1, find, { ...DEAL, state: 'rejected' }), { chainDealId: 7 });
  t.like(await lastLook(startEpoch + 1, find, { ...DEAL, sends: 0 }), { final: 'absent' });
});

test('where nothing can be looked through a deal is given up; where it does not work just now that waits, for a day', async (t) => {
  t.like(await lastLook(startEpoch + 1, undefined), { final: 'absent', atHead: 'absent' });
  t.like(await lastLook(startEpoch + 1, async () => undefined), { final: 'absent', atHead: 'absent' });
  const failing = () => Promise.reject(new ColdError('unreachable', 'it takes too long'));
  t.is((await lastLook(startEpoch + 1, failing)).final, undefined);
  t.like(await lastLook(startEpoch + 2_881, failing), { final: 'absent', atHead: 'absent' });
});
