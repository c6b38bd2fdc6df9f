import test from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import type { components } from '../../spec/fbpd.ts';
import { createColdAdmin, createTestAdmin, type TestAdmin } from '../fixtures/create-admin.ts';
import { createDagPbCid } from '../fixtures/create-cid.ts';
import { createDeal, createPiece, createProvider, createUuid } from '../fixtures/create-cold-records.ts';
import { addPiece, HEAD, holdContent, type TestColdSide } from '../fixtures/create-cold-side.ts';

type Schemas = components['schemas'];
type Deals = { deals: Schemas['Deal'][]; next?: string };

/** A pin of alice's whose content is held. */
async function pinHeld({ send, pins }: TestAdmin, text = 'x'): Promise<{ requestId: string; cid: string }> {
  await send('POST', '/admin/accounts', { name: 'alice' });
  const cid = createDagPbCid(text).toString();
  const { body } = await send<Schemas['Pin']>('POST', '/admin/pins', { account: 'alice', cid });
  await holdContent(pins, cid);
  return { requestId: body.requestId, cid };
}

/** Deals of so many numbers, each about a piece of its own. */
async function addDeals({ store }: TestColdSide, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const state = number % 3 === 0 ? 'active' : 'proposed';
    await store.write({
      pieces: [{ before: undefined, after: createPiece(number) }],
      deals: [{ before: undefined, after: createDeal(number, { state, ...(number === 1 ? { outcome: 'unknown' as const } : {}) }) }],
    });
  }
}

test('where no deals are made, every question about them is answered with that', async (t) => {
  const { send } = await createTestAdmin(t);
  for (const [method, path, body] of [
    ['GET', '/admin/deals'],
    ['GET', `/admin/deals/${createUuid('x')}`],
    ['GET', '/admin/plan'],
    ['GET', '/admin/wallet'],
    ['GET', '/admin/providers'],
    ['POST', '/admin/providers/f01000/ask'],
    ['POST', '/admin/providers/f01000/suspend', {}],
    ['PUT', '/admin/freeze', {}],
    ['DELETE', '/admin/freeze'],
  ] as const) {
    const reply = await send<Schemas['Failure']>(method, path, body);
    t.is(reply.status, 409, path);
    t.regex(reply.body.error.details ?? '', /makes no storage deals: cold\.maker is "none"/);
  }
  t.deepEqual((await send<Schemas['Status']>('GET', '/admin/status')).body.cold, { maker: 'none' });
});

test('a pin is explained also where no deals are made', async (t) => {
  const admin = await createTestAdmin(t);
  const { requestId } = await pinHeld(admin);
  const { body } = await admin.send<Schemas['Explanation']>('GET', `/admin/pins/${requestId}/explain`);
  t.like(body, { maker: 'none', pieces: [], pin: { requestId, status: 'pinned', content: { hot: 'pinned' } } });
});

test('the operator has the receipt of any pin', async (t) => {
  const admin = await createColdAdmin(t);
  const { requestId } = await pinHeld(admin);
  const path = `/admin/pins/${requestId}/receipt`;
  t.is((await admin.send('GET', path)).status, 409);
  const claims = { network: 'testnet', genesisCid: 'bafygenesis' };
  const receipt = {
    format: 'fbpd-receipt/1' as const,
    about: '',
    cid: 'bafy',
    made: '2026-01-01T00:00:00.000Z',
    claims,
    pieces: [],
    digest: '',
  };
  admin.cold.receipts.receipt = receipt;
  t.deepEqual((await admin.send('GET', path)).body, receipt);
  t.is((await admin.send('GET', `/admin/pins/${createUuid('x')}/receipt`)).status, 404);
});

test('deals are listed page by page, each once', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  await addDeals(cold, 7);
  const seen: string[] = [];
  for (let next: string | undefined = ''; next !== undefined; ) {
    const { body }: { body: Deals } = await send<Deals>('GET', `/admin/deals?limit=3${next === '' ? '' : `&after=${next}`}`);
    t.true(body.deals.length <= 3);
    seen.push(...body.deals.map(({ id }) => id));
    next = body.next;
  }
  t.deepEqual(seen.toSorted(), Array.from({ length: 7 }, (_, number) => createUuid(`deal ${number}`)).toSorted());
});

test('deals are filtered by state, provider, piece, content, and doubt', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  await addDeals(cold, 7);
  const cid = createDagPbCid('held').toString();
  await addPiece(cold.store, cid, [{ id: createUuid('deal of the content'), state: 'lost', provider: 'f01009' }], {
    id: createUuid('its piece'),
  });
  const find = async (query: string) => (await send<Deals>('GET', `/admin/deals?${query}`)).body.deals;
  t.is((await find('state=active')).length, 3);
  t.is((await find('state=active,lost')).length, 4);
  t.deepEqual(
    (await find('provider=f01009')).map(({ id }) => id),
    [createUuid('deal of the content')],
  );
  t.like((await find('unknown=true'))[0], { id: createUuid('deal 1'), outcome: 'unknown' });
  t.deepEqual(
    (await find(`piece=${createUuid('piece 2')}`)).map(({ id }) => id),
    [createUuid('deal 2')],
  );
  t.like((await find(`cid=${createDagPbCid('held').toV0()}`))[0], { state: 'lost', pieceCid: 'baga6ea4seaqpiece' });
  t.deepEqual(await find(`cid=${cid}&piece=${createUuid('piece 2')}`), []);
  t.deepEqual(await find(`cid=${cid}&state=active`), []);
});

test('a deal comes with everything that is known of it', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  const atMs = Date.parse('2026-01-01T00:00:00Z');
  const deal = createDeal(1, {
    state: 'active',
    chainDealId: 12,
    publishCid: 'bafypublish',
    said: 'sealing',
    replaces: createUuid('deal 0'),
    suspectSinceEpoch: 99,
    activeEvidence: { kind: 'marketDeal', chainDealId: 12, sectorStartEpoch: 9, seenEpoch: 10, atMs },
    retrievalEvidence: { kind: 'retrieval', bytes: 5, tookMs: 6, firstByteMs: 1, seenEpoch: 11, atMs },
    retrievalFailure: { atMs, epoch: 12, text: 'nothing came' },
  });
  await cold.store.write({ pieces: [{ before: undefined, after: createPiece(1) }], deals: [{ before: undefined, after: deal }] });
  const { body } = await send<Schemas['Deal']>('GET', `/admin/deals/${deal.id}`);
  t.like(body, {
    piece: deal.pieceId,
    maker: 'test',
    dealId: 12,
    publishCid: 'bafypublish',
    said: 'sealing',
    replaces: createUuid('deal 0'),
    pricePerEpoch: '12345678901234567',
    providerCollateral: '98765432109876543210',
    cost: String(12_345_678_901_234_567n * 520_000n),
    budgetDay: 3,
    suspectSinceEpoch: 99,
    activeEvidence: { dealId: 12, sectorStartEpoch: 9, seenEpoch: 10, at: '2026-01-01T00:00:00.000Z' },
    retrievalEvidence: { bytes: 5, tookMs: 6 },
    retrievalFailure: { epoch: 12, text: 'nothing came' },
    failureDomain: { owner: 'f01001', hosts: ['f01001.example.org'] },
    dueEpoch: 9_000,
  });
  for (const id of [createUuid('none'), 'x', '..%2fp']) t.is((await send('GET', `/admin/deals/${id}`)).status, 404);
});

test('the plan tells what would be done, what it costs, and what holds it', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  cold.view.steps = [
    {
      pieceId: createUuid('p'),
      contents: 3,
      sampleKeys: ['bafya', 'bafyb'],
      step: {
        kind: 'propose',
        provider: 'f01000',
        country: 'DE',
        owner: 'f0103',
        why: { code: 'missing', text: 'too few' },
        costAtto: 7n,
        startEpoch: HEAD + 10,
        endEpoch: HEAD + 2_880,
      },
    },
    { pieceId: createUuid('q'), contents: 1, sampleKeys: [], step: { kind: 'wait', why: { code: 'over_budget', text: 'over budget' } } },
  ];
  const { body } = await send<Schemas['Plan']>('GET', '/admin/plan');
  t.like(body, { cost: '7', more: false, budget: { perDay: '1000000000000000000', committed: '1', day: 34 } });
  t.like(body.steps[0], {
    kind: 'propose',
    provider: 'f01000',
    country: 'DE',
    owner: 'f0103',
    cost: '7',
    end: '2026-01-02T00:00:00.000Z',
    sample: ['bafya', 'bafyb'],
  });
  t.deepEqual(body.steps[1], {
    piece: createUuid('q'),
    contents: 1,
    sample: [],
    kind: 'wait',
    reason: { code: 'over_budget', text: 'over budget' },
  });
  t.false('held' in body);
  t.deepEqual(body.waiting, []);
  cold.view.heldReason = { code: 'lotus_down', text: 'waiting: the Lotus node does not answer' };
  t.like((await send('GET', '/admin/plan?limit=1')).body, { more: true, held: { code: 'lotus_down' }, steps: { length: 1 } });
});

test('the plan counts what waits for a piece, and what no piece takes', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  const waiting = { policy: 'default', sizeBytes: 1_000, sinceMs: Date.parse('2026-01-01T00:00:00Z') };
  const reason = { code: 'too_large', text: 'too large' };
  await cold.store.write({
    wait: [
      { ...waiting, contentKey: 'bafya' },
      { ...waiting, contentKey: 'bafyb', sinceMs: waiting.sinceMs - 3_600_000 },
      { ...waiting, contentKey: 'bafyc', reason },
    ],
  });
  t.deepEqual((await send<Schemas['Plan']>('GET', '/admin/plan')).body.waiting, [
    { policy: 'default', contents: 2, bytes: 2_000, closed: '2026-01-01T03:00:00.000Z', enoughBytes: 4 * 2 ** 30, unfit: 1 },
  ]);
});

test('providers are listed by number, those of the config not asked yet too, with scores and live deals', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  const chain = { id: 'f01001', owner: 'f0103', worker: 'f0104', beneficiary: 'f0103', hosts: ['192.0.2.7'], sectorSizeBytes: 8_388_608 };
  const events = [{ epoch: 5, atMs: 0, kind: 'active' as const, text: 'sealed' }];
  for (const provider of [createProvider(1, { chain, events, country: 'DE', notBeforeEpoch: HEAD + 120 }), createProvider(9)])
    await cold.store.write({ providers: [{ before: undefined, after: provider }] });
  await addDeals(cold, 7);
  const { body } = await send<{ providers: Schemas['Provider'][] }>('GET', '/admin/providers');
  t.deepEqual(
    body.providers.map(({ id, trusted, liveDeals, ask }) => ({ id, trusted, liveDeals, asked: ask !== undefined })),
    [
      { id: 'f01000', trusted: true, liveDeals: 2, asked: false },
      { id: 'f01001', trusted: true, liveDeals: 2, asked: true },
      { id: 'f01002', trusted: true, liveDeals: 1, asked: false },
      { id: 'f01009', trusted: false, liveDeals: 0, asked: true },
    ],
  );
  t.like(body.providers[1], {
    country: 'DE',
    chain: { owner: 'f0103', hosts: ['192.0.2.7'], sectorBytes: 8_388_608 },
    ask: { price: '500000000000000000000', maxPieceBytes: 34_359_738_368 },
    notBeforeEpoch: HEAD + 120,
    notBefore: '2026-01-01T01:00:00.000Z',
    scoreReasons: ['1 events'],
    events: [{ kind: 'active', text: 'sealed', at: '1970-01-01T00:00:00.000Z' }],
  });
});

test('who a scan has found is listed on request, and trusted and not by a word', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  const { ask } = createProvider(0);
  if (ask === undefined) return t.fail();
  const chain = { id: 'f01077', owner: 'f0103', worker: 'f0104', beneficiary: 'f0103', hosts: ['192.0.2.7'], sectorSizeBytes: 8_388_608 };
  const candidate = { id: 'f01077', chain, ask, readEpoch: HEAD - 5, over: 'https', tookMs: 20, country: 'CH' };
  await cold.store.write({ candidates: [{ before: undefined, after: candidate }] });
  const listed = async (query = ''): Promise<Schemas['Provider'][]> =>
    (await send<{ providers: Schemas['Provider'][] }>('GET', `/admin/providers${query}`)).body.providers;
  t.false((await listed()).some(({ id }) => id === 'f01077'));
  const found = (await listed('?all=true')).find(({ id }) => id === 'f01077');
  t.like(found, { trusted: false, country: 'CH', chain: { owner: 'f0103' }, refreshedEpoch: HEAD - 5 });
  t.is((await send('GET', '/admin/providers?all=maybe')).status, 400);
  t.like((await send('POST', '/admin/providers/f01077/trust')).body, { id: 'f01077', trusted: true });
  t.is((await listed('?all=true')).filter(({ id }) => id === 'f01077').length, 1);
  t.deepEqual((await send<Schemas['Status']>('GET', '/admin/status')).body.cold.trusted, ['f01000', 'f01001', 'f01002', 'f01077']);
  return t.like((await send('POST', '/admin/providers/f01077/untrust')).body, { trusted: false });
});

test('who wants to know its clients is shown our wallet’s address, until it takes a deal', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  const event = (kind: 'not_allowed' | 'unreachable' | 'accepted') => ({ epoch: 5, atMs: 0, kind, text: 'client not allowed' });
  const events = [event('accepted'), event('not_allowed'), event('unreachable')];
  const write = async (after: ReturnType<typeof createProvider>): Promise<void> =>
    cold.store.write({ providers: [{ before: await cold.store.provider(after.id), after }] });
  const introduce = async () => (await send<{ providers: Schemas['Provider'][] }>('GET', '/admin/providers')).body.providers[0]?.introduce;
  await write(createProvider(0, { events }));
  t.is(await introduce(), 'f1payer');
  await write(createProvider(0, { events: [...events, event('accepted')] }));
  t.is(await introduce(), undefined);
});

test('a provider is asked, suspended and taken back', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  await cold.store.write({ providers: [{ before: undefined, after: createProvider(0) }] });
  t.like((await send('POST', '/admin/providers/f01000/ask')).body, {
    id: 'f01000',
    refreshedEpoch: HEAD,
    refreshed: '2026-01-01T00:00:00.000Z',
  });
  t.like((await send('POST', '/admin/providers/f01000/suspend', { text: 'moving house' })).body, { suspended: { text: 'moving house' } });
  t.is((await cold.store.provider('f01000'))?.value.suspended?.text, 'moving house');
  const { body } = await send<Schemas['Provider']>('POST', '/admin/providers/f01000/unsuspend');
  t.false('suspended' in body);
  t.is((await send('POST', '/admin/providers/f01007/suspend', {})).status, 404);
  t.is((await send('POST', '/admin/providers/1000/suspend', {})).status, 400);
  cold.view.refreshError = new ColdError('unreachable', 'Lotus does not answer');
  const failed = await send<Schemas['Failure']>('POST', '/admin/providers/f01000/ask');
  t.is(failed.status, 502);
  t.deepEqual(failed.body.error, { reason: 'BAD_ENVIRONMENT', details: 'f01000: Lotus does not answer' });
});

test('spending is frozen and let go on, and the status says which', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  t.is((await send('DELETE', '/admin/freeze')).status, 404);
  const { body: frozen } = await send<Schemas['Breaker']>('PUT', '/admin/freeze', { text: 'holidays' });
  t.deepEqual(frozen, { by: 'operator', code: 'frozen', text: 'holidays', at: '2026-01-01T00:00:00.000Z' });
  t.like((await send<Schemas['Status']>('GET', '/admin/status')).body.cold, { held: { code: 'frozen' }, breaker: frozen });
  t.deepEqual((await send('DELETE', '/admin/freeze')).body, frozen);
  t.is(cold.store.breaker(), undefined);
});

test('the status has chain, funds, budget, deals and pieces', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  await addDeals(cold, 2);
  t.deepEqual((await send<Schemas['Status']>('GET', '/admin/status')).body.cold, {
    maker: 'lotus-client',
    trusted: ['f01000', 'f01001', 'f01002'],
    chain: { network: 'testnet', headEpoch: HEAD, finalizedEpoch: HEAD - 900, behindSeconds: 0, at: '2026-01-01T00:00:00.000Z' },
    funds: { address: 'f1payer', wallet: '5000000000000000000', escrow: '1000000000000000000', locked: '100000000000000000' },
    budget: { day: 34, perDay: '1000000000000000000', committed: '1' },
    deals: { active: 1, proposed: 1 },
    unknownDeals: 1,
    pieces: { sealed: 2 },
    committed: String(2n * 12_345_678_901_234_567n * 520_000n),
  });
  const reason = { code: 'over_budget', text: 'over budget' };
  cold.view.short = { pieces: 7, belowMin: 2, isMore: false, why: reason };
  t.deepEqual((await send<Schemas['Status']>('GET', '/admin/status')).body.cold.short, { pieces: 7, belowMin: 2, more: false, reason });
  cold.view.chain = undefined;
  t.false('chain' in (await send<Schemas['Status']>('GET', '/admin/status')).body.cold);
});

test('a pin is explained with its wait, then with its pieces and their deals', async (t) => {
  const admin = await createColdAdmin(t);
  const { send, cold } = admin;
  const { requestId, cid } = await pinHeld(admin);
  const waiting = { contentKey: cid, policy: 'default', sizeBytes: 1_000, sinceMs: Date.parse('2026-01-01T00:00:00Z') };
  await cold.store.write({ wait: [waiting] });
  t.like((await send('GET', `/admin/pins/${requestId}/explain`)).body, {
    maker: 'lotus-client',
    headEpoch: HEAD,
    waiting: { policy: 'default', since: '2026-01-01T00:00:00.000Z', until: '2026-01-01T04:00:00.000Z' },
  });
  await cold.store.write({ unwait: [waiting] });
  const { piece } = await addPiece(cold.store, cid, [{ state: 'active' }, { state: 'proposed', provider: 'f01001' }]);
  const { body } = await send<Schemas['Explanation']>('GET', `/admin/pins/${requestId}/explain`);
  t.false('waiting' in body);
  t.like(body.pieces[0], {
    id: piece.id,
    state: 'built',
    contents: 1,
    gone: 0,
    bytes: 1_000,
    carBytes: 1_100,
    pieceBytes: 2_048,
    replicas: { min: 2, target: 3, active: 1, pending: 1 },
    soonestEnd: '2026-01-02T00:00:00.000Z',
    due: { queue: 'create', epoch: HEAD + 120, at: '2026-01-01T01:00:00.000Z' },
  });
  t.deepEqual(
    body.pieces[0]?.deals.map(({ state }) => state),
    ['active', 'proposed'],
  );
});

const BAD: readonly (readonly [path: string, details: RegExp])[] = [
  ['/admin/deals?state=gone', /state\[0\] must be one of/],
  ['/admin/deals?provider=1000', /provider must match/],
  ['/admin/deals?piece=x', /piece must match/],
  ['/admin/deals?cid=x', /"x" is not a CID/],
  ['/admin/deals?unknown=no', /unknown must be one of true/],
  ['/admin/deals?limit=0', /limit must be >= 1/],
  ['/admin/deals?colour=red', /"colour", which is unknown/],
  ['/admin/plan?limit=x', /limit must be of type integer/],
];

for (const [path, details] of BAD) {
  test(`GET ${path} is a 400 that says why`, async (t) => {
    const { send } = await createColdAdmin(t);
    const { status, body } = await send<Schemas['Failure']>('GET', path);
    t.is(status, 400);
    t.regex(body.error.details ?? '', details);
  });
}
