import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import type { AdminOptions } from '../../api/admin.ts';
import { renderExplanation } from '../../daemon/cli/explain.ts';
import { ColdError } from '../../daemon/domain/cold-ports.ts';
import { createColdAdmin, createTestAdmin, type TestAdmin } from '../fixtures/create-admin.ts';
import { createDagPbCid } from '../fixtures/create-cid.ts';
import { createProvider, createUuid } from '../fixtures/create-cold-records.ts';
import { addPiece, HEAD, holdContent, type TestColdSide } from '../fixtures/create-cold-side.ts';
import { writeEscrow } from '../fixtures/create-escrow-book.ts';
import { createTestDir } from '../fixtures/create-store.ts';
import { type CliResult, runFbpd } from '../fixtures/run-fbpd.ts';

type Fbpd = TestAdmin & { cold: TestColdSide; fbpd: (...args: string[]) => Promise<CliResult> };

async function setUp(t: ExecutionContext, options: Partial<AdminOptions> = {}): Promise<Fbpd> {
  const admin = await createColdAdmin(t, options);
  return { ...admin, fbpd: (...args) => runFbpd([...args, '--socket', admin.socket]) };
}

function done(t: ExecutionContext, { code, stdout, stderr }: CliResult): string {
  t.is(code, 0, stderr);
  return stdout;
}

/** What it printed, no line of it wider than a terminal of 100 columns. */
function ok(t: ExecutionContext, result: CliResult): string {
  const stdout = done(t, result);
  for (const line of stdout.split('\n')) t.true(line.length <= 100, `${line.length} columns: ${line}`);
  return stdout;
}

const FIL = 10n ** 18n;

const TERMS = {
  startEpoch: HEAD,
  endEpoch: HEAD + 1_540_800,
  pricePerEpochAtto: 80_000_000_000n,
  clientCollateralAtto: 0n,
  providerCollateralAtto: 5n,
  verified: false,
};
const AT_MS = Date.parse('2025-12-31T12:00:00Z');

/** A pin of alice's, held hot, in a piece with one copy active, one in doubt, and one lost. */
async function pinWithDeals({ accounts, pins, cold }: Fbpd, name = 'holiday photos'): Promise<{ requestId: string; cid: string }> {
  const { id } = await accounts.add('alice');
  const cid = createDagPbCid('photos').toString();
  const { requestId } = await pins.add(id, { cid, contentKey: cid, origins: [], name });
  await holdContent(pins, cid);
  const costAtto = 80_000_000_000n * 1_540_800n;
  await addPiece(cold.store, cid, [
    {
      state: 'active',
      country: 'DE',
      chainDealId: 4_711,
      terms: TERMS,
      costAtto,
      activeEvidence: { kind: 'marketDeal', chainDealId: 4_711, sectorStartEpoch: HEAD - 20, seenEpoch: HEAD - 10, atMs: AT_MS },
      retrievalEvidence: { kind: 'retrieval', bytes: 1_100, tookMs: 41, firstByteMs: 12, seenEpoch: HEAD - 5, atMs: AT_MS },
      history: [{ state: 'active', atMs: AT_MS, epoch: HEAD - 10, reason: 'the finalized chain has it in a sector' }],
    },
    { state: 'proposed', outcome: 'unknown', provider: 'f01001', terms: TERMS, costAtto, said: 'it said \u001b[2Jthis' },
    { state: 'lost', provider: 'f01002', terms: TERMS, costAtto, reason: 'lost' },
  ]);
  return { requestId, cid };
}

test('a receipt in a file is told of beside it, or as JSON', async (t) => {
  const all = await setUp(t);
  const { requestId, cid } = await pinWithDeals(all);
  const claims = { network: 'testnet', genesisCid: 'bafygenesis' };
  const receipt = { format: 'fbpd-receipt/1', about: '', cid, made: '2026-01-01T00:00:00.000Z', claims, pieces: [], digest: '' } as const;
  all.cold.receipts.receipt = { ...receipt, pieces: [] };
  const file = join(await createTestDir(t), 'receipt.json');
  const told = await all.fbpd('receipts', 'export', requestId, '-o', file);
  t.deepEqual(told, { code: 0, stdout: '', stderr: `${file}: ${cid} in 0 pieces, 0 active deals\n` });
  const { stdout, stderr } = await all.fbpd('--json', 'receipts', 'export', requestId, '-o', file);
  t.deepEqual(JSON.parse(stdout), { cid, pieces: 0, deals: 0, target: file });
  t.is(stderr, '');
  t.deepEqual(JSON.parse(await readFile(file, 'utf8')), receipt);
});

test('a pin is explained as a story, hot copy, piece, deals, and what comes next', async (t) => {
  const all = await setUp(t);
  const { requestId, cid } = await pinWithDeals(all);
  const story = ok(t, await all.fbpd('pins', 'explain', requestId));
  t.log(story);
  t.true(story.includes(cid));
  t.regex(story, /Pin [0-9a-f-]{36} \("holiday photos"\) of alice, made 2026-01-01 00:00:00Z/);
  t.regex(story, /Hot copy: here, all of it, 1000 B in 2 blocks/);
  t.regex(story, /Cold copies: 1 of 3 copies active, 2 on the way/);
  t.regex(story, /The chain is at epoch 100000\./);
  t.regex(story, /Next: 1 of 3 copies are active; looked at again \(create\) at epoch 100120, about 2026-01-01 01:00Z/);
  t.regex(story, /active with f01000 in DE, number 4711 on the chain: 0\.123264 FIL until epoch 1640800, about\s+2027-06-20/);
  t.regex(story, /the final chain had it at epoch 99990/);
  t.regex(story, /its bytes came back 2025-12-31 12:00Z, all 1\.1 KiB right, in 41 ms/);
  t.regex(story, /proposed\? with f01001/);
  t.regex(story, /it is not known whether it was made/);
  t.regex(story, /made because another copy was lost/);
  const explanation = JSON.parse((await all.fbpd('pins', 'explain', requestId, '--json')).stdout);
  const { pieces } = explanation;
  t.is(pieces[0].deals.length, 3);
  t.notRegex(renderExplanation({ ...explanation, headEpoch: 200_000 }), /looked at again/, 'not at an epoch that is over');
  const told = (state: string) =>
    renderExplanation({ ...explanation, pieces: [{ ...pieces[0], deals: [{ ...pieces[0].deals[0], state, suspectSinceEpoch: 5 }] }] });
  t.regex(told('active'), /lost when that is confirmed/);
  t.notRegex(told('lost'), /lost when that is confirmed/);
  await all.cold.view.freeze('the accountant looks');
  t.regex(ok(t, await all.fbpd('pins', 'explain', requestId)), /Nothing is spent at present: spending is frozen: the accountant looks/);
});

test('a pin that waits with all others says for what, and so does the status, in one word', async (t) => {
  const held = { code: 'hot_full', text: 'waiting: the hot tier is at hot.capacity; remove pins or raise it' };
  const { accounts, pins, fbpd } = await setUp(t, { fetches: { progress: () => undefined, fetching: () => 0, held: () => held } });
  const { id } = await accounts.add('alice');
  const cid = createDagPbCid('x').toString();
  const { requestId } = await pins.add(id, { cid, contentKey: cid, origins: [] });
  t.regex(
    ok(t, await fbpd('pins', 'explain', requestId)),
    /Hot copy: not yet\n {2}all pins wait at present: the hot tier is at hot\.capacity; remove pins or raise it\n/,
  );
  t.regex(done(t, await fbpd('status')), /waiting: +the hot tier is at hot\.capacity; remove pins or raise it\n/);
});

test('what waits for a piece says until when, and without deals it is said that none are made', async (t) => {
  const all = await setUp(t);
  const { accounts, pins, cold, fbpd } = all;
  const { id } = await accounts.add('alice');
  const cid = createDagPbCid('x').toString();
  const { requestId } = await pins.add(id, { cid, contentKey: cid, origins: [] });
  t.regex(ok(t, await fbpd('pins', 'explain', requestId)), /Hot copy: not yet.*\nCold copies: none until the hot copy is whole/s);
  await holdContent(pins, cid);
  t.regex(ok(t, await fbpd('pins', 'explain', requestId)), /none yet; it is about to join a piece/);
  await cold.store.write({ wait: [{ contentKey: cid, policy: 'default', sizeBytes: 1, sinceMs: AT_MS }] });
  const story = ok(t, await fbpd('pins', 'explain', requestId));
  t.regex(
    story.replaceAll(/\s+/g, ' '),
    /it waits since 2025-12-31 12:00Z for a piece of policy default, which is closed 2025-12-31 16:00Z at the latest/,
  );
  const { id: pieceId } = (await addPiece(cold.store, cid, [{ state: 'active' }])).piece;
  const beside = ok(t, await fbpd('pins', 'explain', requestId)).replaceAll(/\s+/g, ' ');
  t.regex(beside, /Cold copies: see below; it waits since 2025-12-31 12:00Z for another piece of policy default/);
  t.regex(beside, new RegExp(`Piece ${pieceId}`));

  const none = await createTestAdmin(t);
  const bob = await none.accounts.add('bob');
  const pin = await none.pins.add(bob.id, { cid, contentKey: cid, origins: [] });
  const result = await runFbpd(['pins', 'explain', pin.requestId, '--socket', none.socket]);
  t.regex(ok(t, result), /Cold copies: none are made, cold\.maker is "none"/);
  const refused = await runFbpd(['deals', 'ls', '--socket', none.socket]);
  t.is(refused.code, 1);
  t.is(
    refused.stderr,
    'fbpd: this daemon makes no storage deals: cold.maker is "none"; set it to "mk12", or to "lotus-client" on a private network, and restart\n',
  );
});

test('deals are listed in a narrow table, filtered, and shown one by one', async (t) => {
  const all = await setUp(t);
  await pinWithDeals(all);
  const { fbpd } = all;
  const list = await fbpd('deals', 'ls');
  t.regex(ok(t, list), /^STATE +PROVIDER +ENDS +COST +ID\n/);
  t.regex(list.stdout, /active +f01000 +2027-06-20 +0\.123264 FIL +[0-9a-f-]{36}\n/);
  t.regex(list.stdout, /proposed\? +f01001/);
  t.regex(list.stderr, /\? it is not known whether it was made/);
  t.is(ok(t, await fbpd('deals', 'ls', '--state', 'expired')), 'no deals\n');
  t.is(JSON.parse(ok(t, await fbpd('deals', 'ls', '--unknown', '--json'))).deals.length, 1);
  const page = await fbpd('deals', 'ls', '--limit', '2');
  const after = /there are more: --after ([0-9a-f-]{36})\n/.exec(page.stderr)?.[1] ?? '';
  t.is(
    ok(t, await fbpd('deals', 'ls', '--after', after))
      .trim()
      .split('\n').length,
    2,
  );
  t.is((await fbpd('deals', 'ls', '--state', 'gone')).code, 2);

  const deal = ok(t, await fbpd('deals', 'get', createUuid('deal 1')));
  t.log(deal);
  t.regex(deal, /state: +proposed; it is not known whether it was made/);
  t.regex(deal, /price per epoch: +0\.00000008 FIL/);
  t.true(deal.includes('it said \\x1b[2Jthis'), 'what a provider says does not steer the terminal');
  t.is((await fbpd('deals', 'get', createUuid('none'))).code, 1);
});

test('the plan tells step by step what would be done, and what it costs', async (t) => {
  const { fbpd, cold } = await setUp(t);
  t.regex(ok(t, await fbpd('plan')), /^nothing to do\nCost: 0 FIL; 0\.000000000000000001 FIL of 1 FIL promised today\n$/);
  await cold.store.write({ wait: [{ contentKey: 'bafya', policy: 'default', sizeBytes: 1_000, sinceMs: AT_MS }] });
  const waits = ok(t, await fbpd('plan')).replaceAll(/\s+/g, ' ');
  t.regex(
    waits,
    /^wait: 1 content of 1000 B for a piece of policy default, closed 2025-12-31 16:00Z at the latest, or as soon as there are 4 GiB Cost/,
  );
  cold.view.steps = [
    {
      pieceId: createUuid('p'),
      contents: 3,
      sampleKeys: [createDagPbCid('1').toString()],
      step: {
        kind: 'propose',
        provider: 'f01000',
        country: 'DE',
        owner: 'f0103',
        why: { code: 'missing', text: 'there are fewer copies than wanted' },
        costAtto: 5n * 10n ** 16n,
        startEpoch: HEAD,
        endEpoch: HEAD + 1_540_800,
      },
    },
    {
      pieceId: createUuid('q'),
      contents: 1,
      sampleKeys: [],
      step: { kind: 'wait', why: { code: 'over_budget', text: `over budget: ${'it goes on tomorrow '.repeat(8)}` } },
    },
  ];
  const plan = ok(t, await fbpd('plan'));
  t.log(plan);
  t.regex(
    plan,
    /propose to f01000 \(DE, owner f0103\) for 0\.05 FIL, until 2027-06-20: piece\s+[0-9a-f-]{36}, 3 contents\n {4}because there are fewer copies than wanted\n {4}bafy\w+ and 2 more\n/,
  );
  t.regex(plan, /wait: piece .*\n {4}because over budget/);
  t.regex(plan, /Cost: 0\.05 FIL; /);
  await cold.view.freeze('');
  t.regex(
    ok(t, await fbpd('plan', '--limit', '1')),
    /… and more: --limit shows them\nNothing of it is paid for at present: spending is frozen/,
  );
  t.is(JSON.parse(done(t, await fbpd('plan', '--json'))).steps.length, 2);
});

test('providers are listed, asked, suspended and taken back', async (t) => {
  const { fbpd, cold } = await setUp(t);
  const chain = {
    id: 'f01000',
    owner: 'f0103',
    worker: 'f0104',
    beneficiary: 'f0103',
    hosts: ['192.0.2.7'],
    sectorSizeBytes: 34_359_738_368,
  };
  const ask = {
    priceAttoPerGibEpoch: 500_000_000n,
    verifiedPriceAttoPerGibEpoch: 0n,
    minPieceSizeBytes: 256,
    maxPieceSizeBytes: 34_359_738_368,
    expiryEpoch: 1,
  };
  const events = [{ epoch: 5, atMs: AT_MS, kind: 'lost' as const, text: 'f01000 lost \u001b[31mdeal 7' }];
  await cold.store.write({ providers: [{ before: undefined, after: createProvider(0, { chain, ask, events, country: 'DE' }) }] });
  const list = ok(t, await fbpd('providers', 'ls'));
  t.log(list);
  t.regex(list, /f01000 +DE +0\.50 +0 +0\.5 +256 B to 32 GiB +ok\n/);
  t.regex(list, /f01001 +0\.50 +0 +not asked yet\n/);
  const asked = ok(t, await fbpd('providers', 'ask', 'f01000'));
  t.regex(asked, /asks: +0\.0000000005 FIL per GiB and epoch; 0 FIL for verified deals/);
  t.regex(asked, /read at: +epoch 100000, about 2026-01-01 00:00Z/);
  t.regex(asked, /lost \\x1b\[31mdeal 7/);
  t.is(ok(t, await fbpd('providers', 'suspend', 'f01000', 'moving', 'house')), 'suspended f01000, with 0 deals that go on\n');
  t.is((await cold.store.provider('f01000'))?.value.suspended?.text, 'moving house');
  t.regex(ok(t, await fbpd('providers', 'ls')), /f01000 .* suspended\n/);
  t.is(ok(t, await fbpd('providers', 'unsuspend', 'f01000')), 'f01000 is asked for deals again\n');
  await cold.store.write({ providers: [{ before: undefined, after: createProvider(3) }] });
  t.regex(ok(t, await fbpd('providers', 'unsuspend', 'f01003')), /^f01003 gets no deals still, as it is not trusted: /);
  t.is((await fbpd('providers', 'suspend', 'f09999')).code, 1);
  t.is((await fbpd('providers', 'suspend', 'nobody')).code, 2);
  cold.view.refreshError = new ColdError('unreachable', 'Lotus does not answer');
  const failed = await fbpd('providers', 'ask', 'f01000');
  t.is(failed.code, 5);
  t.is(failed.stderr, 'fbpd: f01000: Lotus does not answer\n');
});

test('freeze says that it holds, status says so too, and unfreeze ends it', async (t) => {
  const { fbpd } = await setUp(t);
  t.is((await fbpd('unfreeze')).code, 1);
  t.is(ok(t, await fbpd('freeze', 'until', 'Monday')), 'frozen since 2026-01-01 00:00:00Z: nothing is spent until `fbpd unfreeze`\n');
  t.is(ok(t, await fbpd('freeze', 'for', 'ever')), 'frozen already, by an operator: until Monday; `fbpd unfreeze` lets it go on\n');
  t.regex(
    done(t, await fbpd('status')),
    /not spending: +frozen by an operator since 2026-01-01 00:00Z: until Monday; `fbpd unfreeze` lets it go on\n/,
  );
  t.is(ok(t, await fbpd('unfreeze')), 'no longer frozen; it was since 2026-01-01 00:00:00Z, by an operator: until Monday\n');
  t.false(done(t, await fbpd('status')).includes('not spending'));
});

test('the status says how the cold layer is, and what to do where it is held', async (t) => {
  const all = await setUp(t);
  const { fbpd, cold } = all;
  await pinWithDeals(all);
  const status = done(t, await fbpd('status'));
  t.log(status);
  t.regex(status, /cold layer: +lotus-client, making deals as they are needed\n/);
  t.regex(status, /chain: +testnet at epoch 100000, final up to 99100, 0 s behind the clock; seen 2026-01-01 00:00Z\n/);
  t.regex(status, /funds: +5 FIL in f1payer; 1 FIL in escrow, 0\.1 FIL of it locked\n/);
  t.regex(status, /budget: +0\.000000000000000001 FIL of 1 FIL promised today; /);
  t.regex(status, /deals: +.*1 active.*; of 1 it is not known whether they were made\n/);
  t.regex(status, /pieces: +1 built\n/);
  cold.view.heldReason = { code: 'wallet_empty', text: 'waiting for funds: wallet and escrow are empty' };
  t.regex(
    done(t, await fbpd('status')).replaceAll(/\s+/g, ' '),
    /not spending: waiting for funds: wallet and escrow are empty: send FIL to the wallet \(f1payer\)/,
  );
  const none = await createTestAdmin(t);
  t.regex(
    done(t, await runFbpd(['status', '--socket', none.socket])),
    /cold layer: +off: no storage deals are made, cold\.maker is "none"\n/,
  );
});

test('the wallet is shown with its escrow, the message under way, what runs low, and the book', async (t) => {
  const { fbpd, cold } = await setUp(t);
  const bare = ok(t, await fbpd('wallet'));
  t.regex(bare, /address: +f1payer\nwallet: +5 FIL\nescrow: +1 FIL, 0\.1 FIL of it locked\nlevel: +Lotus sees to the escrow\n/);
  await writeEscrow(cold.store);
  cold.view.standing = {
    state: { code: 'topping_up', text: 'escrow is being topped up' },
    warnings: [{ code: 'wallet_low', text: 'the wallet f1payer has little: send FIL to it' }],
    escrowAtto: 6n * FIL,
    lockedAtto: 3n * FIL,
    freeAtto: 2n * FIL,
    levelAtto: 3n * FIL,
    runwayDays: 6.5,
    datacapBytes: 2n ** 35n,
  };
  const text = ok(t, await fbpd('wallet'));
  t.log(text);
  for (const line of [
    /escrow: +6 FIL, 3 FIL of it locked\n/,
    /free: +2 FIL for new deals; 1 FIL are kept for deals under way\n/,
    /level: +3 FIL\n/,
    /lasts: +about 6\.5 days/,
    /DataCap: +32 GiB\n/,
  ])
    t.regex(text, line);
  for (const [runwayDays, words] of [
    [1, '1 day'],
    [800, '2 years'],
    [113_312_624_318_054.4, 'than 100 years'],
  ] as const) {
    cold.view.standing = { ...cold.view.standing, runwayDays };
    t.true(ok(t, await fbpd('wallet')).includes(` ${words} at the pace of the last week\n`), words);
  }
  t.regex(text, /message of 1 FIL to the escrow, nonce 7, since epoch 900, signed 2 times/);
  t.regex(text, /LOW: the wallet f1payer has little/);
  t.regex(text, /100 +1970-01-01 00:00Z +added +2 FIL +…[a-z]+\n/);
  const json = JSON.parse(done(t, await fbpd('wallet', '--json', '--lines', '1')));
  t.like(json, { maker: 'lotus-client', message: { kind: 'top_up', nonce: 7, versions: 2 }, sums: { added: (2n * FIL).toString() } });
  t.is(json.lines.length, 1);
  const status = done(t, await fbpd('status'));
  t.regex(status, /escrow: +2 FIL free for new deals; escrow is being topped up\n/);
  t.regex(status, /money: +LOW: the wallet f1payer has little/);
});

test('a pass that may not spend says so with a code of its own', async (t) => {
  const pass = (skipped: Record<string, number>, done = 0) => ({
    names: () => ['create'],
    run: async () => ({ due: 3, done, failed: 0, skipped }),
  });
  const frozen = await setUp(t, { reconcilers: pass({ frozen: 3 }) });
  const refused = await frozen.fbpd('reconcile', 'create');
  t.is(refused.code, 7);
  t.is(refused.stdout, 'create: 3 due, 0 done, 0 failed, 3 skipped: frozen\n');
  t.is(refused.stderr, 'fbpd: nothing was spent (frozen); `fbpd status` says why and what to do\n');
  const partly = await setUp(t, { reconcilers: pass({ over_budget: 2 }, 1) });
  t.is((await partly.fbpd('reconcile', 'create')).code, 0);
});

test('a drill is a table of providers, with reasons below, and fails when a copy has not come back', async (t) => {
  const { fbpd, cold } = await setUp(t);
  t.is(ok(t, await fbpd('drill', '--last')), 'there was no drill yet\n');
  t.is(ok(t, await fbpd('drill')), 'no content with an active cold copy was found to restore\n');
  const copy = { contentKey: createDagPbCid('x').toV1().toString(), dealId: createUuid('drill') };
  const came = {
    ...copy,
    end: 'ok',
    code: 'done',
    text: 'it gave what was missing',
    bytes: 3 * 2 ** 20,
    firstByteMs: 250,
    tookMs: 1_500,
  } as const;
  cold.drills.copies = [
    { ...came, provider: 'f01000' },
    { ...came, provider: 'f01002' },
  ];
  const good = ok(t, await fbpd('drill', '--count', '2'));
  t.regex(good, /^2026-01-01 00:00:00Z: 1 content, 2 copies, in \d/);
  t.regex(good, /f01000 +1 +0 +0 +3 MiB +250ms +2s +2s +2\.0\n/);
  cold.drills.copies.push({
    ...copy,
    provider: 'f01001',
    end: 'failed',
    code: 'wrong_bytes',
    text: `other bytes ${'and more '.repeat(20)}`,
    bytes: 0,
    tookMs: 9,
  });
  const named = createDagPbCid('nobody').toString();
  const bad = await fbpd('drill', copy.contentKey, named);
  t.is(bad.code, 1);
  t.regex(bad.stderr, /1 of 3 copies did not come back; nobody has an active copy of bafy/);
  t.regex(ok(t, await fbpd('drill', '--last')), /\nf01001 +0 +1 +0 +0 B\n[\s\S]*\nf01001: other bytes/);
  const json = await fbpd('drill', '--json');
  t.is(json.code, 1);
  t.is(JSON.parse(json.stdout).copies.length, 3);
  t.is((await fbpd('drill', 'nonsense')).code, 2);
});
