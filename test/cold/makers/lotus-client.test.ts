import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';

import { createLotusChain } from '../../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { createLotusClientMaker, type LotusClientMaker, type LotusClientOptions } from '../../../daemon/cold/makers/lotus-client.ts';
import { ColdError } from '../../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../../daemon/domain/deal.ts';
import { proposalCids } from '../../../daemon/receipts/proposal.ts';
import { RECORDED, recorded } from '../../fixtures/lotus/recorded.ts';
import { poll } from '../../fixtures/poll.ts';
import { createRecordedLotus, replyError, type StubCall, type StubLotus } from '../../fixtures/stub-lotus.ts';

const signal = AbortSignal.timeout(60_000);
const WALLET = 'f3vh3mtjpwei47ucsha2m67v3pb6wogxefiubu6eblh52rdwjwu2jllahr3uoppqsol5nr5phhqkmmnmrlijua';
const SIGNED = recorded('21-WalletSign').reply?.result;
const DEADLINE = recorded('y05-StateMinerProvingDeadline').reply?.result;
const PIECE = {
  id: '0b7e5f9e-3c11-4f0e-9a51-2a8a1f6f0a01',
  rootCid: 'bafk2bzacecsv3ddu4ikgl3rkcnipqsrv57337snskcpyaffjwt77bx6b6jcx2',
  pieceCid: 'baga6ea4seaqfpa4c3k5cobuuy25uwvz7yjd3vnlpdjmbtot7klesaghaixnuedq',
  carSizeBytes: 1_000_102,
  pieceSizeBytes: 1_048_576,
};
const ORDER = {
  dealId: 'd',
  piece: PIECE,
  provider: 'f01000',
  startEpoch: 23_078,
  durationEpochs: 518_400,
  pricePerEpochAtto: 488_282n,
  verified: false,
};
const OTHER_CID = 'bafyreibj3y3allxttllzgiye7fz6betfkjxadjecv3ibjuy55xamdljk7u';

type Overrides = Readonly<Record<string, (call: StubCall) => unknown>>;

async function createMaker(
  t: ExecutionContext,
  overrides: Overrides = {},
  options: Partial<LotusClientOptions> = {},
): Promise<{ maker: LotusClientMaker; lotus: StubLotus; directory: string; logged: string[] }> {
  const lotus = await createRecordedLotus(t, { WalletSign: () => SIGNED, ...overrides });
  const directory = await mkdtemp(join(tmpdir(), 'fbpd-retrieved-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const logged: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
  const rpc = createLotusRpc({ url: lotus.url, token: () => 'TOKEN', deadlineMs: 5_000 });
  const chain = createLotusChain({ rpc, finalityEpochs: 5, clock: { nowMs: () => 0 } });
  return { maker: createLotusClientMaker({ rpc, chain, log, retrievedDirectory: directory, ...options }), lotus, directory, logged };
}

function callsOf(lotus: StubLotus, method: string): StubCall[] {
  return lotus.calls.filter((call) => call.method === method);
}

test('the prepared request leaves Lotus nothing to fill in but the end, which is predicted', async (t) => {
  const { maker, lotus } = await createMaker(t);
  const { terms, request, proposalCid } = await maker.prepare(ORDER, signal);
  t.deepEqual(terms, {
    startEpoch: 23_078,
    endEpoch: 542_097,
    pricePerEpochAtto: 488_282n,
    clientCollateralAtto: 0n,
    providerCollateralAtto: 0n,
    verified: false,
  });
  t.deepEqual(request, {
    endEpoch: 542_097,
    signature: Buffer.from([2, ...Buffer.from((SIGNED as { Data: string }).Data, 'base64')]).toString('base64'),
    startDeal: {
      Data: { TransferType: 'graphsync', Root: { '/': PIECE.rootCid }, PieceCid: { '/': PIECE.pieceCid }, PieceSize: 1_040_384 },
      Wallet: WALLET,
      Miner: 'f01000',
      EpochPrice: '488282',
      MinBlocksDuration: 518_400,
      ProviderCollateral: '0',
      DealStartEpoch: 23_078,
      FastRetrieval: true,
      VerifiedDeal: false,
    },
  });
  t.deepEqual(JSON.parse(JSON.stringify(request)), request, 'it is kept as JSON');
  t.regex(proposalCid, /^bafyrei/);
  t.is(callsOf(lotus, 'WalletSign')[0]?.params[0], WALLET);
  t.is(callsOf(lotus, 'ClientStartDeal').length, 0);
  const again = await maker.prepare(ORDER, signal);
  t.is(again.proposalCid, proposalCid);
  t.not((await maker.prepare({ ...ORDER, startEpoch: 23_079 }, signal)).proposalCid, proposalCid);
});

test('the proposal that was signed is made again of what is kept, and has the CID that was predicted', async (t) => {
  const { maker } = await createMaker(t);
  const { request, proposalCid } = await maker.prepare(ORDER, signal);
  const signed = maker.signedProposal?.({ request: JSON.parse(JSON.stringify(request)), proposalCid });
  if (signed === undefined) return t.fail('none was kept');
  t.is(proposalCids(signed.proposal, signed.signature, 'f0101').signed, proposalCid);
  const { signature: _, ...older } = request;
  t.is(maker.signedProposal?.({ request: older, proposalCid }), undefined, 'older versions kept none');
  t.is(maker.signedProposal?.({ request, proposalCid, begunAs: OTHER_CID }), undefined, 'another one is under way');
});

test('an ID address as wallet is resolved to its key, as Lotus would', async (t) => {
  const { maker } = await createMaker(t, { StateAccountKey: () => WALLET }, { wallet: 'f0102' });
  t.is(await maker.wallet(signal), WALLET);
});

async function sendWith(t: ExecutionContext, answer: (call: StubCall, proposalCid: string) => unknown, overrides: Overrides = {}) {
  let predicted = '';
  const made = await createMaker(t, { ClientStartDeal: (call) => answer(call, predicted), ...overrides });
  const prepared = await made.maker.prepare(ORDER, signal);
  predicted = prepared.proposalCid;
  return { ...made, prepared, reply: made.maker.send(prepared, signal) };
}

test('the predicted CID in reply means sent, and the request went as it was prepared', async (t) => {
  const { reply, lotus, prepared } = await sendWith(t, (_call, cid) => ({ '/': cid }));
  t.is((await reply).kind, 'sent');
  t.deepEqual(callsOf(lotus, 'ClientStartDeal')[0]?.params, [prepared.request.startDeal]);
});

test('that Lotus tracks it already means sent', async (t) => {
  const { reply, logged } = await sendWith(
    t,
    (call, cid) => void replyError(call, 1, `failed to start deal: setting up deal tracking: already tracking identifier \`${cid}\``),
  );
  t.is((await reply).kind, 'sent');
  t.deepEqual(logged, []);
});

test('another CID than predicted means sent as well, and is reported loudly', async (t) => {
  const begun = await sendWith(t, () => ({ '/': OTHER_CID }));
  t.like(await begun.reply, { kind: 'sent', as: OTHER_CID });
  t.regex(begun.logged[0] ?? '', /another proposal CID/);
  const tracked = await sendWith(t, (call) => void replyError(call, 1, `already tracking identifier \`${OTHER_CID}\``));
  t.like(await tracked.reply, { kind: 'sent', as: OTHER_CID });
  t.is(tracked.logged.length, 1);
});

test('refusals before anything was begun, as the real node said them', async (t) => {
  for (const [name, why] of [
    ['72-ClientStartDeal-no-such-miner', 'other'],
    ['73-ClientStartDeal-no-such-root', 'busy'],
    ['x503-ClientStartDeal-too-big', 'size'],
    ['84-err-no-such-method', 'other'],
  ] as const) {
    const error = recorded(name).reply?.error ?? { code: 0, message: '' };
    const { reply } = await sendWith(t, (call) => void replyError(call, error.code, error.message));
    t.like(await reply, { kind: 'refused', why }, name);
  }
});

test('an error that does not exclude that the deal was begun is no refusal', async (t) => {
  for (const message of [
    'failed to start deal: setting up deal tracking: datastore closed',
    'failed to start deal: initializing state machine: not found',
    'failed to start deal: leveldb: closed',
    'context canceled',
    'something new',
  ]) {
    const { reply } = await sendWith(t, (call) => void replyError(call, 1, message));
    t.is((await t.throwsAsync(reply, { instanceOf: ColdError }, message))?.failure, 'unreachable');
  }
});

test('a reply without result, or of another shape, leaves it open', async (t) => {
  for (const result of [null, {}, 'bafy', { '/': 'x' }, [], 0]) {
    const { reply } = await sendWith(t, () => result);
    t.is((await t.throwsAsync(reply, { instanceOf: ColdError }))?.failure, 'unreachable');
  }
});

test('a token too weak is no refusal of the deal', async (t) => {
  const { reply } = await sendWith(t, (call) => void replyError(call, 1, "missing permission to invoke 'ClientStartDeal' (need 'admin')"));
  t.is((await t.throwsAsync(reply, { instanceOf: ColdError }))?.failure, 'unauthorized');
});

test('it is not sent when Lotus would by now sign another end: that would be a second deal', async (t) => {
  let periodStart = -2_222;
  const { maker, lotus } = await createMaker(t, {
    StateMinerProvingDeadline: () => ({ ...(DEADLINE as object), PeriodStart: periodStart }),
  });
  const prepared = await maker.prepare(ORDER, signal);
  periodStart += 2_880;
  t.like(await maker.send(prepared, signal), { kind: 'refused', why: 'terms' });
  t.is(callsOf(lotus, 'ClientStartDeal').length, 0);
});

test('nor when the least collateral is no longer nothing', async (t) => {
  let least = '0';
  const { maker, lotus } = await createMaker(t, { StateDealProviderCollateralBounds: () => ({ Min: least, Max: '1000' }) });
  const prepared = await maker.prepare(ORDER, signal);
  least = '7';
  t.like(await maker.send(prepared, signal), { kind: 'refused', why: 'terms' });
  t.is(callsOf(lotus, 'ClientStartDeal').length, 0);
  const bounded = await maker.prepare(ORDER, signal);
  t.is(bounded.terms.providerCollateralAtto, 8n);
  least = '9';
  t.like(await maker.send(bounded, signal), { kind: 'refused', why: 'other' }, 'a collateral that was named stays: Lotus was asked');
  t.is(callsOf(lotus, 'ClientStartDeal').length, 1);
});

test('every recorded state of a deal becomes what it means', async (t) => {
  const expected: Readonly<Record<string, readonly [string, string?]>> = {
    'online-21-': ['going', 'proposed'],
    'online-23-': ['going', 'proposed'],
    'online-16-': ['going', 'accepted'],
    'online-13-': ['going', 'accepted'],
    'online-29-': ['going', 'published'],
    'online-5-': ['going', 'published'],
    'online-7-': ['going', 'published'],
    'manual-7-': ['going', 'published'],
    'price0-26-': ['refused', 'price'],
    'too-soon-26-': ['refused', 'terms'],
    'too-short-26-': ['refused', 'terms'],
    'no-funds': ['refused', 'funds'],
    'Info-tiny': ['refused', 'size'],
    'Info-unknown': ['absent'],
  };
  for (const [part, [kind, word]] of Object.entries(expected)) {
    const found = RECORDED.find(({ name, method }) => method === 'Filecoin.ClientGetDealInfo' && name.includes(part));
    t.truthy(found, part);
    const cid = ((found?.params[0] ?? {}) as { '/': string })['/'];
    const { maker } = await createMaker(t, {
      ClientGetDealInfo: (call) =>
        found?.reply?.error === undefined ? found?.reply?.result : void replyError(call, 1, found.reply.error.message),
    });
    const report = await maker.report({ proposalCid: cid, request: {} }, signal);
    t.is(report.kind as string, kind, part);
    t.is('state' in report ? report.state : 'why' in report ? report.why : undefined, word as undefined, part);
    if ('state' in report) t.is(report.chainDealId, { 'manual-7-': 36 }[part] ?? (/29|5|7/.test(part) ? 34 : undefined));
  }
});

test('a deal that failed in any other way is doubtful: it may yet be published', async (t) => {
  const info = recorded('60-ClientGetDealInfo-verified-price0-26-StorageDealError').reply?.result as Record<string, unknown>;
  const proposalCid = (info.ProposalCid as { '/': string })['/'];
  for (const change of [
    { Message: 'error reading Response from storage provider: stream reset' },
    { Message: 'sending proposal to storage provider failed: EOF' },
    { Message: 'data transfer failed' },
    { Message: '' },
    { State: 9, Message: '' },
    { DealID: 7 },
    { State: 99 },
  ]) {
    const { maker } = await createMaker(t, { ClientGetDealInfo: () => ({ ...info, ...change }) });
    t.is((await maker.report({ proposalCid, request: {} }, signal)).kind, 'doubtful', JSON.stringify(change));
  }
  const { maker } = await createMaker(t, { ClientGetDealInfo: () => ({ ...info, ProposalCid: { '/': OTHER_CID } }) });
  t.is((await t.throwsAsync(maker.report({ proposalCid, request: {} }, signal), { instanceOf: ColdError }))?.failure, 'unreachable');
});

test('an ask', async (t) => {
  const { maker } = await createMaker(t);
  t.deepEqual(await maker.ask('f01000', signal), {
    priceAttoPerGibEpoch: 500_000_000n,
    verifiedPriceAttoPerGibEpoch: 50_000_000n,
    minPieceSizeBytes: 256,
    maxPieceSizeBytes: 8_388_608,
    expiryEpoch: 1_000_029,
  });
});

test('a provider that never answers is given up after our own time', async (t) => {
  const { maker } = await createMaker(t, { ClientQueryAsk: () => undefined }, { askDeadlineMs: 50 });
  t.is((await t.throwsAsync(maker.ask('f01000', signal), { instanceOf: ColdError }))?.failure, 'unreachable');
});

interface ImportEntry {
  Key: number | bigint;
  Err: string;
  Root: { '/': string } | null;
  FilePath: string;
}

/** Lotus's list of imports, as far as it matters. */
function importList(fail: { reply?: 'lost' } = {}): { entries: ImportEntry[]; overrides: Overrides } {
  const entries: ImportEntry[] = [];
  let key = 1_795_345_580_497_077_080n;
  const overrides: Overrides = {
    ClientListImports: () => entries,
    ClientImport: (call) => {
      const { Path } = call.params[0] as { Path: string };
      entries.push({ Key: key, Err: '', Root: { '/': PIECE.rootCid }, FilePath: Path });
      if (fail.reply === 'lost') {
        delete fail.reply;
        call.response.destroy();
        return undefined;
      }
      return { Root: { '/': PIECE.rootCid }, ImportID: key++ };
    },
    ClientRemoveImport: (call) => {
      entries.splice(
        entries.findIndex(({ Key }) => Key === call.params[0]),
        1,
      );
      return null;
    },
  };
  return { entries, overrides };
}

test('a piece is imported once, however often it is staged, one after the other or at once', async (t) => {
  const { entries, overrides } = importList();
  const { maker } = await createMaker(t, overrides);
  const file = `/staging/${PIECE.id}.car`;
  await Promise.all([maker.stage(PIECE, file, signal), maker.stage(PIECE, file, signal)]);
  await maker.stage(PIECE, file, signal);
  t.is(entries.length, 1);
  await maker.unstage(PIECE, signal);
  await maker.unstage(PIECE, signal);
  t.deepEqual(entries, []);
});

test('an import whose reply was lost is found again; those of others, and those that failed, are told apart', async (t) => {
  const { entries, overrides } = importList({ reply: 'lost' });
  const { maker } = await createMaker(t, overrides);
  const file = `/staging/${PIECE.id}.car`;
  entries.push({ Key: 1n, Err: '', Root: { '/': PIECE.rootCid }, FilePath: '/elsewhere/same.car' });
  entries.push({ Key: 2n, Err: 'broken', Root: null, FilePath: file });
  t.is((await t.throwsAsync(maker.stage(PIECE, file, signal), { instanceOf: ColdError }))?.failure, 'unreachable');
  await maker.stage(PIECE, file, signal);
  t.deepEqual(
    entries.map(({ FilePath }) => FilePath),
    ['/elsewhere/same.car', file],
  );
  await maker.unstage(PIECE, signal);
  t.deepEqual(
    entries.map(({ FilePath }) => FilePath),
    ['/elsewhere/same.car'],
  );
});

test('a CAR with another root is not left imported', async (t) => {
  const { entries, overrides } = importList();
  const { maker } = await createMaker(t, overrides);
  const other = { ...PIECE, rootCid: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' };
  t.is((await t.throwsAsync(maker.stage(other, `/staging/${PIECE.id}.car`, signal), { instanceOf: ColdError }))?.failure, 'refused');
  t.deepEqual(entries, []);
});

const DEAL = { provider: 'f01000' } as Deal;
const OFFER = recorded('49-ClientMinerQueryOffer').reply?.result as Record<string, unknown>;
const RETRIEVAL = { ClientMinerQueryOffer: () => OFFER, ClientRetrieve: () => ({ DealID: 1_795_345_580_497_528_021n }) };

async function exportFile(call: StubCall, bytes: string): Promise<void> {
  await writeFile((call.params[1] as { Path: string }).Path, bytes);
  call.response.end(`{"jsonrpc":"2.0","id":${call.id}}`);
}

async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a piece comes back through a file that is gone afterwards, with the order that the real node took', async (t) => {
  const { maker, lotus, directory } = await createMaker(t, { ...RETRIEVAL, ClientExport: (call) => void exportFile(call, 'the CAR') });
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'retrieved-7.car'), 'left over');
  t.is(await maker.retrievalPrice(DEAL, PIECE, signal), 0n);
  t.is(await readAll(maker.retrieve(DEAL, PIECE, signal)), 'the CAR');
  t.deepEqual(await readdir(directory), []);
  t.deepEqual(callsOf(lotus, 'ClientRetrieve')[0]?.params, recorded('50-ClientRetrieve').params);
  t.deepEqual(callsOf(lotus, 'ClientExport')[0]?.params[0], {
    Root: { '/': PIECE.rootCid },
    DAGs: [],
    FromLocalCAR: '',
    DealID: 1_795_345_580_497_528_021n,
  });
});

test('leaving a retrieval in its middle leaves no file', async (t) => {
  const { maker, directory } = await createMaker(t, { ...RETRIEVAL, ClientExport: (call) => void exportFile(call, 'x'.repeat(500_000)) });
  for await (const _chunk of maker.retrieve(DEAL, PIECE, signal)) break;
  t.deepEqual(await readdir(directory), []);
});

test('a retrieval that is stopped while Lotus writes its file leaves none, also when the maker is closed at once', async (t) => {
  for (const isClosed of [false, true]) {
    const asked = Promise.withResolvers<StubCall>();
    const { maker, directory } = await createMaker(t, { ...RETRIEVAL, ClientExport: (call) => asked.resolve(call) });
    const stop = new AbortController();
    const opening = maker.open(DEAL, PIECE, PIECE.rootCid, stop.signal);
    const call = await asked.promise;
    stop.abort();
    t.is((await t.throwsAsync(opening, { instanceOf: ColdError }))?.failure, 'aborted');
    const closing = isClosed ? maker.close() : undefined;
    // Lotus has not heard of it, and goes on.
    await exportFile(call, 'the CAR');
    if (isClosed) await closing;
    else await poll('it is gone', 10_000, async () => (await readdir(directory)).length === 0);
    t.deepEqual(await readdir(directory), []);
  }
});

test('closing removes what was retrieved and is still read', async (t) => {
  const { maker, directory } = await createMaker(t, { ...RETRIEVAL, ClientExport: (call) => void exportFile(call, 'the CAR') });
  await maker.open(DEAL, PIECE, PIECE.rootCid, signal);
  t.is((await readdir(directory)).length, 1);
  await maker.close();
  t.deepEqual(await readdir(directory), []);
});

test('what the provider does not have is refused, and has no price', async (t) => {
  const { maker, lotus } = await createMaker(t, {
    ClientMinerQueryOffer: () => recorded('x497-ClientMinerQueryOffer-absent').reply?.result,
  });
  const absent = { ...PIECE, rootCid: 'bafk2bzaceda63eezghwt6l7kdbtgmk6hcszckitxjwrwrxtnyn272ihjuoh46' };
  t.is(await maker.retrievalPrice(DEAL, absent, signal), undefined);
  t.is((await t.throwsAsync(readAll(maker.retrieve(DEAL, absent, signal)), { instanceOf: ColdError }))?.failure, 'refused');
  t.is(callsOf(lotus, 'ClientRetrieve').length, 0);
});

test('a wait whose answer is lost goes on', async (t) => {
  let waits = 0;
  const { maker, lotus } = await createMaker(t, {
    ...RETRIEVAL,
    ClientRetrieveWait: (call) => (waits++ === 0 ? void call.response.destroy() : null),
    ClientExport: (call) => void exportFile(call, 'the CAR'),
  });
  t.is(await readAll(maker.retrieve(DEAL, PIECE, signal)), 'the CAR');
  t.is(callsOf(lotus, 'ClientRetrieve').length, 1);
});

test('nothing is paid for a retrieval unless it is allowed, and nothing twice', async (t) => {
  const priced = { ...OFFER, MinPrice: '1040384', PricePerByte: '2' };
  const earlier = recorded('x493-ClientListRetrievals-paid').reply?.result as Record<string, unknown>[];
  const paid = { ...earlier[0], PricePerByte: '2', TotalPaid: '1040384' };
  const overrides = (retrievals: unknown): Overrides => ({
    ...RETRIEVAL,
    ClientMinerQueryOffer: () => priced,
    ClientListRetrievals: () => retrievals,
    ClientRetrieveWait: () => null,
    ClientExport: (call) => void exportFile(call, 'the CAR'),
  });
  const poor = await createMaker(t, overrides([]));
  t.is(await poor.maker.retrievalPrice(DEAL, PIECE, signal), 1_040_384n);
  t.is((await t.throwsAsync(readAll(poor.maker.retrieve(DEAL, PIECE, signal)), { instanceOf: ColdError }))?.failure, 'refused');
  t.is(callsOf(poor.lotus, 'ClientRetrieve').length, 0);
  const careful = await createMaker(t, overrides([]), { retrievalPriceMaxAtto: 2_000_000n });
  await t.throwsAsync(careful.maker.open(DEAL, PIECE, PIECE.rootCid, signal, 0n), { message: /asks 1040384 attoFIL/ });
  t.is(callsOf(careful.lotus, 'ClientRetrieve').length, 0, 'not even where retrievals may cost something, when this one may not');
  for (const [Status, orders, comes] of [
    [15, 0, true],
    [13, 0, true],
    [17, 0, false],
  ] as const) {
    const rich = await createMaker(t, overrides([{ ...paid, Status }]), { retrievalPriceMaxAtto: 2_000_000n });
    const bytes = readAll(rich.maker.retrieve(DEAL, PIECE, signal));
    if (comes) t.is(await bytes, 'the CAR');
    else await t.throwsAsync(bytes, { message: /paid for before/ });
    t.is(callsOf(rich.lotus, 'ClientRetrieve').length, orders);
  }
});

test('a retrieval that never ends is given up', async (t) => {
  const { maker } = await createMaker(t, { ...RETRIEVAL, ClientRetrieveWait: () => undefined }, { retrievalDeadlineMs: 100 });
  t.is((await t.throwsAsync(readAll(maker.retrieve(DEAL, PIECE, signal)), { instanceOf: ColdError }))?.failure, 'unreachable');
});

test('an export to a directory that Lotus does not share says so', async (t) => {
  const { maker } = await createMaker(t, { ...RETRIEVAL, ClientRetrieveWait: () => null, ClientExport: () => null });
  await t.throwsAsync(readAll(maker.retrieve(DEAL, PIECE, signal)), { instanceOf: ColdError, message: /one directory under one path/ });
});

test('what keeps deals from being made is said in words for people, and goes when its cause goes', async (t) => {
  const fund = { WalletBalance: () => '5', WalletHas: () => true };
  const codeWith = async (overrides: Overrides): Promise<string | undefined> => {
    const reason = await (await createMaker(t, { ...fund, ...overrides })).maker.problem(signal);
    if (reason !== undefined) t.notRegex(reason.text, /TOKEN|127\.0\.0\.1|\/rpc/);
    return reason?.code;
  };
  t.is(await codeWith({}), undefined);
  t.is(await codeWith({ AuthVerify: () => ['read', 'write', 'sign'] }), 'lotus_token');
  t.is(await codeWith({ AuthVerify: (call) => void call.response.writeHead(401).end() }), 'lotus_token');
  t.is(await codeWith({ AuthVerify: (call) => void call.response.destroy() }), 'lotus_down');
  t.is(await codeWith({ WalletHas: () => false }), 'wallet_missing');
  t.is(await codeWith({ WalletBalance: () => '0' }), 'wallet_empty');
  t.is(await codeWith({ WalletBalance: () => '0', StateMarketBalance: () => ({ Escrow: '9', Locked: '3' }) }), undefined);
  const gone = (call: StubCall): void => replyError(call, -32601, "method 'Filecoin.ClientListImports' not found");
  t.is(await codeWith({ ClientListImports: (call) => void gone(call) }), 'lotus_version');
});
