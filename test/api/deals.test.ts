import test from 'ava';

import type { Receipt } from '../../daemon/domain/receipt.ts';
import { TestClock } from '../fixtures/create-accounts.ts';
import { createColdApi, createTestApi, HOT_UP, type TestApi } from '../fixtures/create-api.ts';
import { createDagPbCid } from '../fixtures/create-cid.ts';
import { addPiece, HEAD, holdContent } from '../fixtures/create-cold-side.ts';

/** A pin of alice's, its content key beside it. */
async function addPin({ user }: TestApi, text = 'x'): Promise<{ requestid: string; cid: string }> {
  const cid = createDagPbCid(text).toString();
  const { json } = await user.call('POST', '/pins', { body: { cid } });
  return { requestid: json.requestid, cid };
}

function infoOf({ user }: TestApi, requestid: string): Promise<Record<string, string> | undefined> {
  return user.call('GET', `/pins/${requestid}`).then(({ json }) => json.info);
}

test('a pin without a cold layer says nothing of it in its info, and plainly what there is at /deals', async (t) => {
  const api = await createTestApi(t);
  const { requestid } = await addPin(api);
  t.is(await infoOf(api, requestid), undefined);
  const { status, json } = await api.user.call('GET', `/v1/pins/${requestid}/deals`);
  t.is(status, 200);
  t.deepEqual(json, {
    replicas: { min: 0, target: 0, active: 0, pending: 0 },
    next: { code: 'no_maker', text: 'this service keeps hot copies only: it makes no storage deals' },
    deals: [],
  });
});

test('the deals of a pin come with exact amounts, epochs, and the times that these are likely to be', async (t) => {
  const api = await createColdApi(t, { clock: new TestClock() });
  const { requestid, cid } = await addPin(api);
  await holdContent(api.pins, cid);
  const terms = {
    startEpoch: HEAD,
    endEpoch: HEAD + 2_880,
    pricePerEpochAtto: 123_456_789_012_345_678_901n,
    clientCollateralAtto: 0n,
    providerCollateralAtto: 5n,
    verified: false,
  };
  await addPiece(api.cold.store, cid, [
    {
      state: 'active',
      chainDealId: 77,
      country: 'DE',
      terms,
      activeEvidence: {
        kind: 'marketDeal',
        chainDealId: 77,
        sectorStartEpoch: HEAD - 10,
        seenEpoch: HEAD - 5,
        atMs: Date.parse('2025-12-31T23:00:00Z'),
      },
    },
    { state: 'proposed', outcome: 'unknown', said: 'internal words', provider: 'f01001' },
  ]);
  const { json } = await api.user.call('GET', `/v1/pins/${requestid}/deals`);
  t.deepEqual(json.replicas, { min: 2, target: 3, active: 1, pending: 1 });
  t.is(json.soonestEndEpoch, HEAD + 2_880);
  t.is(json.soonestEnd, '2026-01-02T00:00:00.000Z');
  const [active, unknown] = json.deals;
  t.like(active, {
    state: 'active',
    reason: 'missing',
    country: 'DE',
    pieceCid: 'baga6ea4seaqpiece',
    dealId: 77,
    start: '2026-01-01T00:00:00.000Z',
    end: '2026-01-02T00:00:00.000Z',
    pricePerEpoch: '123456789012345678901',
    lastVerified: '2025-12-31T23:00:00.000Z',
    history: [{ state: 'intended', epoch: 9_000, reason: 'missing', at: '2023-11-14T22:13:20.000Z' }],
  });
  t.like(unknown, { state: 'proposed', outcome: 'unknown', provider: 'f01001' });
  t.false(JSON.stringify(json).includes('internal words'));
});

test('where the network has a clock of its own, no times are told', async (t) => {
  const api = await createColdApi(t);
  const { behindSeconds: _, ...view } = api.cold.view.chain ?? { behindSeconds: 0 };
  api.cold.view.chain = view as typeof api.cold.view.chain;
  const { requestid, cid } = await addPin(api);
  await addPiece(api.cold.store, cid, [{ state: 'active' }]);
  for (const chain of [api.cold.view.chain, undefined]) {
    api.cold.view.chain = chain;
    const { json } = await api.user.call('GET', `/v1/pins/${requestid}/deals`);
    t.is(json.soonestEndEpoch, HEAD + 2_880);
    t.false('soonestEnd' in json);
    t.false('start' in json.deals[0]);
  }
});

test("somebody else's pin, a pin that is none, and a token without the scope get no deals", async (t) => {
  const api = await createColdApi(t);
  const { requestid } = await addPin(api);
  const bob = await api.addUser('bob');
  const writer = await api.addUser('carol', ['pins:write']);
  t.is((await bob.call('GET', `/v1/pins/${requestid}/deals`)).status, 404);
  t.is((await api.user.call('GET', '/v1/pins/no-uuid/deals')).status, 404);
  t.is((await writer.call('GET', `/v1/pins/${requestid}/deals`)).status, 403);
  t.is((await fetch(`${api.url}/v1/pins/${requestid}/deals`)).status, 401);
  t.is((await api.user.call('DELETE', `/v1/pins/${requestid}/deals`)).status, 405);
});

const RECEIPT: Receipt = {
  format: 'fbpd-receipt/1',
  about: 'what it proves',
  cid: 'bafy',
  made: '2026-01-01T00:00:00.000Z',
  claims: { network: 'testnet', genesisCid: 'bafygenesis' },
  pieces: [
    {
      pieceCid: 'baga',
      pieceSize: 256,
      section: { offset: 59, length: 40 },
      window: 'AAAA',
      proof: ['AAAA'],
      claims: { carRoot: 'bafy', carSize: 99 },
      deals: [
        {
          proposal: 'AAAA',
          signature: 'AAAA',
          proposalCids: { unsigned: 'bafy1', normalized: 'bafy2', signed: 'bafy3' },
          claims: {
            clientId: 'f0101',
            dealId: 7,
            sectorStartEpoch: 8,
            publishCid: 'bafy4',
            lastVerified: { epoch: 9, at: '2026-01-01T00:00:00.000Z', tipSet: ['bafy5'] },
            lastRetrieved: '2026-01-01T00:00:00.000Z',
          },
        },
      ],
    },
  ],
  digest: '00',
};

test('a receipt is given as it was made, to whom the pin is; and why there is none', async (t) => {
  const api = await createColdApi(t);
  const { requestid, cid } = await addPin(api);
  const path = `/v1/pins/${requestid}/receipt`;
  const none = await api.user.call('GET', path);
  t.is(none.status, 409);
  t.like(none.json.error, { reason: 'CONFLICT', details: 'there is nothing to prove yet' });
  api.cold.receipts.receipt = RECEIPT;
  const { status, json } = await api.user.call('GET', path);
  t.is(status, 200);
  t.deepEqual(json, RECEIPT);
  t.is(api.cold.receipts.asked.at(-1)?.contentKey, cid);
  const [bob, writer] = [await api.addUser('bob'), await api.addUser('carol', ['pins:write'])];
  t.is((await bob.call('GET', path)).status, 404);
  t.is((await api.user.call('GET', '/v1/pins/no-uuid/receipt')).status, 404);
  t.is((await writer.call('GET', path)).status, 403);
  t.is((await fetch(`${api.url}${path}`)).status, 401);
});

test('where no deals are made there is nothing to prove', async (t) => {
  const api = await createTestApi(t);
  const { requestid } = await addPin(api);
  const { status, json } = await api.user.call('GET', `/v1/pins/${requestid}/receipt`);
  t.is(status, 409);
  t.regex(json.error.details, /nothing to prove: this service keeps hot copies only/);
});

test('info tells step by step how the cold copies come about', async (t) => {
  const api = await createColdApi(t, { clock: new TestClock() });
  const { requestid, cid } = await addPin(api);
  t.deepEqual(await infoOf(api, requestid), {
    replicas_active: '0',
    replicas_pending: '0',
    replicas_target: '3',
    next_step: 'deals are made as soon as all of it is held hot',
  });
  await holdContent(api.pins, cid);
  t.like(await infoOf(api, requestid), { replicas_target: '3', next_step: 'it is about to join a piece', dag_size: '1000' });

  const waiting = { contentKey: cid, policy: 'default', sizeBytes: 1_000, sinceMs: Date.parse('2026-01-01T00:00:00Z') };
  await api.cold.store.write({ wait: [waiting] });
  t.is(
    (await infoOf(api, requestid))?.next_step,
    'waiting for piece: it is sealed at 2026-01-01T04:00:00.000Z, or as soon as 4 GiB are together',
  );
  await api.cold.store.write({
    wait: [{ ...waiting, reason: { code: 'too_large', text: 'waiting: 64 GiB are more than the largest piece takes' } }],
  });
  t.is((await infoOf(api, requestid))?.next_step, 'waiting: 64 GiB are more than the largest piece takes');

  await api.cold.store.write({ unwait: [waiting] });
  await addPiece(api.cold.store, cid, [{ state: 'active' }, { state: 'proposed', provider: 'f01001' }]);
  t.deepEqual(await infoOf(api, requestid), {
    dag_size: '1000',
    tier: 'hot',
    replicas_active: '1',
    replicas_pending: '1',
    replicas_target: '3',
    next_step: '1 of 3 copies are active',
    soonest_expiry_epoch: String(HEAD + 2_880),
    soonest_expiry: '2026-01-02T00:00:00.000Z',
  });
});

test('a content that was cut is there as often as its weakest part, and deals say which part they are about', async (t) => {
  const api = await createColdApi(t, { clock: new TestClock() });
  const { requestid, cid } = await addPin(api);
  await holdContent(api.pins, cid);
  const part = (index: number) => ({ cut: 'cut', index, of: 2, from: index, to: index + 1, pieceBytesMax: 2 ** 20 });
  const states = [
    ['active', 'active'],
    ['active', 'proposed'],
  ] as const;
  for (const [index, own] of states.entries()) {
    const deals = own.map((state, i) => ({ id: `deal-${index}-${i}`, proposalCid: `bafy-${index}-${i}`, provider: `f0100${i}`, state }));
    await addPiece(api.cold.store, cid, deals, { id: `piece-${index}`, part: part(index) });
  }
  t.like(await infoOf(api, requestid), { replicas_active: '1', replicas_pending: '1', next_step: 'part 2 of 2: 1 of 3 copies are active' });
  const { json } = await api.user.call('GET', `/v1/pins/${requestid}/deals`);
  t.deepEqual(
    json.deals.map((deal: { part?: object }) => deal.part).sort((a: { number: number }, b: { number: number }) => a.number - b.number),
    [
      { number: 1, of: 2 },
      { number: 1, of: 2 },
      { number: 2, of: 2 },
      { number: 2, of: 2 },
    ],
  );
});

test('users do not read the words and amounts of the operator', async (t) => {
  const api = await createColdApi(t);
  const { requestid, cid } = await addPin(api);
  const next = { code: 'over_budget', text: 'over budget: 3 FIL are needed and 1 FIL of budget.per_day are left' };
  await addPiece(api.cold.store, cid, [{ state: 'proposed' }], { next });
  t.is((await infoOf(api, requestid))?.next_step, 'over budget: it goes on when this service has budget again');
  await api.cold.view.freeze('the accountant at 10.0.0.7 said so');
  t.is(
    (await infoOf(api, requestid))?.next_step,
    'no new deals are made at present; over budget: it goes on when this service has budget again',
  );
  await api.cold.view.unfreeze();
  api.cold.view.heldReason = { code: 'lotus_down', text: 'waiting: the Lotus node does not answer' };
  const { json } = await api.user.call('GET', `/v1/pins/${requestid}/deals`);
  t.is(json.next.text, 'waiting: the Lotus node does not answer; over budget: it goes on when this service has budget again');
});

test('what has all its copies does not hear that no new deals are made', async (t) => {
  const api = await createColdApi(t);
  const { requestid, cid } = await addPin(api);
  await addPiece(api.cold.store, cid, [
    { state: 'active' },
    { state: 'active', provider: 'f01001' },
    { state: 'active', provider: 'f01002' },
  ]);
  await api.cold.view.freeze('');
  t.is((await infoOf(api, requestid))?.next_step, '3 of 3 copies are active');
});

test('what is known of copies is said to be old when the chain could not be read for an hour', async (t) => {
  const clock = new TestClock();
  const api = await createColdApi(t, { clock });
  const { requestid, cid } = await addPin(api);
  api.cold.view.readMs = clock.nowMs() - 3_600_000;
  t.is((await infoOf(api, requestid))?.evidence, undefined, 'nothing is said of copies that are not there');
  await addPiece(api.cold.store, cid, [{ state: 'active' }]);
  t.is((await infoOf(api, requestid))?.evidence, 'stale: the chain could not be read since 2025-12-31T23:00:00.000Z');
  api.cold.view.readMs += 1;
  t.is((await infoOf(api, requestid))?.evidence, undefined);
  api.cold.view.chain = undefined;
  t.is((await infoOf(api, requestid))?.evidence, 'stale: the chain has not been read since this service was started');
});

test('a failed pin without copies says only why it failed', async (t) => {
  const api = await createColdApi(t);
  const { requestid, cid } = await addPin(api);
  await api.pins.beginFetch(cid, 'ours');
  await api.pins.endFetch(cid, { kind: 'failed', reason: { code: 'timeout', text: 'nobody has it' } });
  t.deepEqual(await infoOf(api, requestid), { status_details: 'nobody has it' });
});

test('a page of pins takes one look at the cold side', async (t) => {
  const api = await createColdApi(t, { hotStatus: () => HOT_UP });
  for (const text of ['1', '2', '3']) await addPin(api, text);
  let looks = 0;
  const { coldOf } = api.cold.store;
  api.cold.store.coldOf = (keys) => {
    looks++;
    return coldOf(keys);
  };
  const { json } = await api.user.call('GET', '/pins?status=queued,pinning,pinned,failed');
  t.is(json.results.length, 3);
  t.true(json.results.every(({ info }: { info: object }) => 'next_step' in info));
  t.is(looks, 1);
});
