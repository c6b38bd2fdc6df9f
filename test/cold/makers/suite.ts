import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { ExecutionContext, TestFn } from 'ava';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';

import { readCar } from '../../../daemon/cold/pieces/car-reader.ts';
import { isBlockOf } from '../../../daemon/domain/block-hash.ts';
import { ColdError, type DealMaker, type DealReport, type PreparedDeal, type SendReply } from '../../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../../daemon/domain/deal.ts';
import { readProposal } from '../../../daemon/receipts/proposal.ts';
import { isSignedBy } from '../../../daemon/receipts/signature.ts';
import { memory } from '../../fixtures/memory.ts';
import { type MakerWorld, SEND_FAULTS, type SendFault, type StagedPiece } from './world.ts';

export interface MakersSuiteOptions {
  test: TestFn;
  createWorld(t: ExecutionContext): Promise<MakerWorld>;
}

/** Longer than any way from a proposal to a sector takes in a world of tests. */
const WHOLE_WAY_EPOCHS = 2_000;
const STEP_EPOCHS = 10;
const REFUSALS = ['price', 'size', 'not_allowed', 'busy', 'other'] as const;

export const never = new AbortController().signal;

/** What every maker of deals does, whatever its market, and above all when it is not told what became of a call. */
export function makersSuite({ test, createWorld }: MakersSuiteOptions): void {
  const inWorld = (title: string, run: (t: ExecutionContext, world: MakerWorld) => Promise<void>): void =>
    test(title, async (t) => {
      const world = await createWorld(t);
      t.teardown(() => world.close());
      await run(t, world);
    });

  inWorld('it can deal, says who pays, and passes on what a provider asks for', async (t, { maker, providers, noProvider }) => {
    t.is(await maker.problem(never), undefined);
    t.regex(await maker.wallet(never), /^[ft][13]/);
    const ask = await maker.ask(providers[0] ?? '', never);
    t.true(ask.maxPieceSizeBytes >= ask.minPieceSizeBytes && ask.minPieceSizeBytes > 0);
    await failsWith(t, maker.ask(noProvider, never), 'refused');
  });

  inWorld('preparing begins nothing, costs nothing, and comes to the same each time', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const order = await world.orderOf(piece, world.providers[0] ?? '');
    const money = await world.truth.money();
    const prepared = await world.maker.prepare(order, never);
    t.deepEqual(await world.restarted().prepare(order, never), prepared);
    t.deepEqual(asKept(prepared).request, prepared.request, 'the request is kept as JSON');
    const later = await world.maker.prepare({ ...order, startEpoch: order.startEpoch + 1 }, never);
    t.not(later.proposalCid, prepared.proposalCid, 'a new attempt is a new proposal');
    t.is(prepared.terms.startEpoch, order.startEpoch);
    t.true(prepared.terms.endEpoch >= order.startEpoch + order.durationEpochs);
    t.is(prepared.terms.pricePerEpochAtto, order.pricePerEpochAtto);
    await world.advance(5);
    t.deepEqual(await world.truth.deals(), []);
    t.is(await world.truth.money(), money);
    t.deepEqual(await world.maker.report(prepared, never), { kind: 'absent' });
  });

  inWorld('a proposal that the maker keeps is about the piece, to the provider, and signed by who pays', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const order = await world.orderOf(piece, world.providers[0] ?? '');
    const prepared = await world.maker.prepare(order, never);
    const signed = world.maker.signedProposal?.(asKept(prepared));
    if (signed === undefined) {
      t.pass('it keeps none');
      return;
    }
    const { terms, wallet = '' } = prepared;
    t.like(readProposal(signed.proposal), {
      pieceCid: piece.pieceCid,
      client: wallet,
      provider: order.provider,
      startEpoch: terms.startEpoch,
      endEpoch: terms.endEpoch,
      pricePerEpochAtto: terms.pricePerEpochAtto,
    });
    t.true(isSignedBy(wallet, signed.proposal, signed.signature));
  });

  inWorld('staging and unstaging again changes nothing', async (t, world) => {
    const { piece, file } = await world.createPiece();
    const [first, second] = [world.maker, world.restarted()];
    await Promise.all([first.stage(piece, file, never), first.stage(piece, file, never)]);
    await second.stage(piece, file, never);
    t.is(await world.truth.staged(), 1);
    await second.unstage(piece, never);
    await first.unstage(piece, never);
    t.is(await world.truth.staged(), 0);
  });

  inWorld('a deal goes its way: what the chain has in the end is what was prepared', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const provider = world.providers[0] ?? '';
    const prepared = await prepare(world, piece, provider);
    t.is((await world.maker.send(prepared, never)).kind, 'sent');
    const report = await reportUntil(
      world,
      prepared,
      (one) => one.kind === 'going' && one.state === 'published' && one.chainDealId !== undefined,
    );
    const chainDealId = report.kind === 'going' ? (report.chainDealId ?? 0) : 0;
    const { terms } = prepared;
    const onChain = await world.chain.marketDeal(chainDealId, undefined, never);
    t.like(onChain, {
      pieceCid: piece.pieceCid,
      pieceSizeBytes: piece.pieceSizeBytes,
      provider,
      verified: terms.verified,
      startEpoch: terms.startEpoch,
      endEpoch: terms.endEpoch,
      pricePerEpochAtto: terms.pricePerEpochAtto,
      providerCollateralAtto: terms.providerCollateralAtto,
      clientCollateralAtto: terms.clientCollateralAtto,
    });
    t.is(onChain?.client, await world.chain.idAddress(await world.maker.wallet(never), never));
    await activate(world, chainDealId);
    t.pass('and it is in a sector');
  });

  for (const fault of Object.keys(SEND_FAULTS) as SendFault[])
    inWorld(`${fault}: the deal is unknown until it is sent again, and there is one`, async (t, world) => {
      const { piece } = await stagedPiece(world);
      const prepared = await prepare(world, piece, world.providers[0] ?? '');
      world.faults.send(fault, 1);
      const before = memory();
      await failsWith(t, world.maker.send(prepared, never), 'unreachable');
      t.true(memory() - before < 64 * 2 ** 20, 'memory stays flat');
      const done = SEND_FAULTS[fault];
      const known = await world.truth.deals();
      t.is(known.length, done === 'not done' ? 0 : 1);
      const again = world.restarted();
      t.is((await again.send(asKept(prepared), never)).kind, 'sent');
      t.is((await again.send(asKept(prepared), never)).kind, 'sent');
      t.deepEqual(cidsOf(await world.truth.deals()), [prepared.proposalCid]);
      t.not((await again.report(asKept(prepared), never)).kind, 'absent');
    });

  inWorld('the same sent at once, by two makers, and once more when it is over, is one deal', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const prepared = await prepare(world, piece, world.providers[0] ?? '');
    const replies = await Promise.all([world.maker, world.restarted(), world.maker].map((maker) => maker.send(asKept(prepared), never)));
    t.deepEqual(kindsOf(replies), ['sent', 'sent', 'sent']);
    await reportUntil(world, prepared, (report) => report.kind === 'going' && report.chainDealId !== undefined);
    t.is((await world.maker.send(asKept(prepared), never)).kind, 'sent');
    t.deepEqual(cidsOf(await world.truth.deals()), [prepared.proposalCid]);
  });

  inWorld('what was prepared before a crash is sent after it as it was', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const prepared = asKept(await prepare(world, piece, world.providers[0] ?? ''));
    await world.advance(3);
    t.is((await world.restarted().send(prepared, never)).kind, 'sent');
    t.deepEqual(cidsOf(await world.truth.deals()), [prepared.proposalCid]);
  });

  for (const why of REFUSALS)
    inWorld(`a refusal that comes later is told with its kind: ${why}`, async (t, world) => {
      const { piece } = await stagedPiece(world);
      const provider = world.providers[0] ?? '';
      world.faults.provider(provider, { refuses: why });
      const prepared = await prepare(world, piece, provider);
      const reply = await world.maker.send(prepared, never);
      const outcome = reply.kind === 'refused' ? reply : await reportUntil(world, prepared, ({ kind }) => kind === 'refused');
      t.like(outcome, { kind: 'refused', why });
      t.true('said' in outcome && outcome.said !== '');
    });

  inWorld('a refused deal that is published all the same is never made a second time', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const provider = world.providers[0] ?? '';
    world.faults.provider(provider, 'publishes after a refusal');
    const prepared = await prepare(world, piece, provider);
    await world.maker.send(prepared, never);
    await world.advance(60);
    const report = await world.maker.report(prepared, never);
    t.true(
      report.kind === 'refused' || report.kind === 'doubtful' || (report.kind === 'going' && report.state === 'published'),
      report.kind,
    );
    await world.restarted().send(asKept(prepared), never).catch(unlessUnknown);
    t.deepEqual(cidsOf(await world.truth.deals()), [prepared.proposalCid]);
  });

  inWorld('a provider that does not exist refuses', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const order = await world.orderOf(piece, world.noProvider);
    const error = await world.maker.prepare(order, never).then(
      (prepared) => world.maker.send(prepared, never),
      (thrown: unknown) => thrown,
    );
    t.true(error instanceof ColdError ? error.failure === 'refused' : (error as SendReply).kind === 'refused');
    t.deepEqual(await world.truth.deals(), []);
  });

  inWorld('a provider that answers nobody is given up in time, and its deal is not said to be refused', async (t, world) => {
    const { piece } = await stagedPiece(world);
    const provider = world.providers[0] ?? '';
    const prepared = await prepare(world, piece, provider);
    world.faults.provider(provider, 'answers nobody');
    await failsWith(t, world.maker.ask(provider, never), 'unreachable');
    const reply = await world.maker.send(prepared, never).catch(unlessUnknown);
    t.not(reply?.kind, 'refused');
    await world.advance(60);
    t.not((await world.maker.report(prepared, never)).kind, 'refused');
  });

  inWorld('the bytes come back as they went', async (t, world) => {
    const staged = await stagedPiece(world, 300_000);
    const deal = await activeDeal(world, staged, world.providers[0] ?? '');
    t.is(await world.maker.retrievalPrice(deal, staged.piece, never), 0n);
    const file = await readFile(staged.file);
    const twice = await Promise.all([0, 1].map(() => readAll(world.maker, deal, staged)));
    for (const bytes of twice)
      t.true(file.equals(bytes.subarray(0, file.length)) && bytes.subarray(file.length).every((byte) => byte === 0));
  });

  inWorld('the DAG under a CID of the piece can be opened, read more than once, and its blocks had one by one', async (t, world) => {
    const staged = await stagedPiece(world);
    const deal = await activeDeal(world, staged, world.providers[0] ?? '');
    const root = CID.parse(staged.piece.rootCid);
    const dag = await world.maker.open(deal, staged.piece, staged.piece.rootCid, never);
    try {
      for (let time = 0; time < 2; time++) {
        const { roots, blocks } = await readCar(dag.car(never));
        t.deepEqual(roots.map(String), [staged.piece.rootCid]);
        const [first] = await Array.fromAsync(blocks);
        t.true(first?.cid.equals(root));
      }
      const block = dag.block === undefined ? undefined : await dag.block(root, never);
      t.true(dag.block === undefined || (block !== undefined && isBlockOf(root, block)));
      t.is(await dag.block?.(CID.createV1(0x55, await sha256.digest(Buffer.from('not in there'))), never), undefined);
      await failsWith(t, Array.fromAsync(dag.car(AbortSignal.abort())), 'aborted');
    } finally {
      await Promise.all([dag.close(), dag.close()]);
    }
  });

  inWorld('bytes that are not there, not those, or never come are no bytes', async (t, world) => {
    const staged = await stagedPiece(world);
    const provider = world.providers[0] ?? '';
    const deal = await activeDeal(world, staged, provider);
    const file = await readFile(staged.file);
    world.faults.provider(provider, 'gives other bytes back');
    const other = await readAll(world.maker, deal, staged).catch(unlessCold);
    t.false(other !== undefined && file.equals(other), 'the caller sees that they are not those');
    world.faults.clear();
    world.faults.provider(provider, 'never ends a retrieval');
    await Promise.all([
      failsWith(t, readAll(world.maker, deal, staged), 'unreachable'),
      failsWith(t, world.maker.open(deal, staged.piece, staged.piece.rootCid, never), 'unreachable'),
    ]);
    world.faults.clear();
    world.faults.provider(provider, 'lost the bytes');
    t.is(await world.maker.retrievalPrice(deal, staged.piece, never), undefined);
    await failsWith(t, readAll(world.maker, deal, staged), 'refused');
  });

  inWorld('nothing is paid for bytes', async (t, world) => {
    const staged = await stagedPiece(world);
    const deal = await activeDeal(world, staged, world.paidProvider);
    const money = await world.truth.money();
    t.true(((await world.maker.retrievalPrice(deal, staged.piece, never)) ?? 0n) > 0n);
    await failsWith(t, readAll(world.maker, deal, staged), 'refused');
    await world.advance(5);
    t.is(await world.truth.money(), money);
  });

  inWorld('every call stops when it is told to', async (t, world) => {
    const staged = await stagedPiece(world);
    const provider = world.providers[0] ?? '';
    const order = await world.orderOf(staged.piece, provider);
    const prepared = await world.maker.prepare(order, never);
    const deal = dealOf(prepared, provider);
    const { maker } = world;
    const calls: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
      ask: (signal) => maker.ask(provider, signal),
      prepare: (signal) => maker.prepare(order, signal),
      stage: (signal) => maker.stage(staged.piece, staged.file, signal),
      unstage: (signal) => maker.unstage(staged.piece, signal),
      send: (signal) => maker.send(prepared, signal),
      report: (signal) => maker.report(prepared, signal),
      retrievalPrice: (signal) => maker.retrievalPrice(deal, staged.piece, signal),
      retrieve: (signal) => readAll(maker, deal, staged, signal),
      open: (signal) => maker.open(deal, staged.piece, staged.piece.rootCid, signal),
    };
    world.faults.silence();
    for (const [name, call] of Object.entries(calls)) {
      await failsWith(t, call(AbortSignal.abort()), 'aborted', name);
      await failsWith(t, call(AbortSignal.timeout(20)), 'aborted', name);
    }
    world.faults.clear();
    t.deepEqual(await world.truth.deals(), []);
  });

  inWorld('why no deal can be made is said, and it heals by itself', async (t, world) => {
    world.faults.silence();
    t.truthy(await world.maker.problem(AbortSignal.timeout(50)));
    world.faults.clear();
    world.faults.weakToken();
    const reason = await world.maker.problem(never);
    t.regex(reason?.code ?? '', /^[a-z_]+$/);
    t.true((reason?.text.length ?? 0) > 20);
    const { piece } = await stagedPieceOr(world);
    const prepared = await prepare(world, piece, world.providers[0] ?? '').catch(unlessCold);
    if (prepared !== undefined) await failsWith(t, world.maker.send(prepared, never), 'unauthorized');
    t.deepEqual(await world.truth.deals(), []);
    world.faults.clear();
    t.is(await world.maker.problem(never), undefined);
  });
}

/** A piece that the other side has been told of. */
export async function stagedPiece(world: MakerWorld, bytes?: number): Promise<StagedPiece> {
  const staged = await world.createPiece(bytes);
  await world.maker.stage(staged.piece, staged.file, never);
  return staged;
}

/** The same where staging may be what does not work. */
async function stagedPieceOr(world: MakerWorld): Promise<StagedPiece> {
  const staged = await world.createPiece();
  await world.maker.stage(staged.piece, staged.file, never).catch(unlessCold);
  return staged;
}

export async function prepare(world: MakerWorld, piece: StagedPiece['piece'], provider: string): Promise<PreparedDeal> {
  return world.maker.prepare(await world.orderOf(piece, provider), never);
}

/** As the store gives it back. */
export function asKept<T extends Pick<PreparedDeal, 'request' | 'proposalCid'>>(
  prepared: T,
): Pick<PreparedDeal, 'request' | 'proposalCid'> {
  const { request, proposalCid } = prepared;
  return JSON.parse(JSON.stringify({ request, proposalCid })) as Pick<PreparedDeal, 'request' | 'proposalCid'>;
}

export async function reportUntil(world: MakerWorld, prepared: PreparedDeal, holds: (report: DealReport) => boolean): Promise<DealReport> {
  let report: DealReport = { kind: 'absent' };
  for (let passed = 0; passed < WHOLE_WAY_EPOCHS; passed += STEP_EPOCHS) {
    report = await world.maker.report(prepared, never);
    if (holds(report)) return report;
    await world.advance(STEP_EPOCHS);
  }
  throw new Error(`in vain: ${JSON.stringify(report)}`);
}

async function activate(world: MakerWorld, chainDealId: number): Promise<void> {
  for (let passed = 0; passed < WHOLE_WAY_EPOCHS; passed += STEP_EPOCHS) {
    const deal = await world.chain.marketDeal(chainDealId, undefined, never);
    if (deal !== undefined && deal.sectorStartEpoch > -1) return;
    await world.advance(STEP_EPOCHS);
  }
  throw new Error(`deal ${chainDealId} never came into a sector`);
}

async function activeDeal(world: MakerWorld, { piece }: StagedPiece, provider: string): Promise<Deal> {
  const prepared = await prepare(world, piece, provider);
  await world.maker.send(prepared, never);
  const report = await reportUntil(world, prepared, (one) => one.kind === 'going' && one.chainDealId !== undefined);
  const chainDealId = report.kind === 'going' ? (report.chainDealId ?? 0) : 0;
  await activate(world, chainDealId);
  return { ...dealOf(prepared, provider), chainDealId };
}

/** As much of a deal as makers look at. */
function dealOf({ request, proposalCid, terms }: PreparedDeal, provider: string): Deal {
  return { id: randomUUID(), provider, request, proposalCid, terms } as unknown as Deal;
}

async function readAll(maker: DealMaker, deal: Deal, { piece }: StagedPiece, signal = never): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of maker.retrieve(deal, piece, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function failsWith(t: ExecutionContext, call: Promise<unknown>, failure: ColdError['failure'], what?: string): Promise<void> {
  const error = await t.throwsAsync(call, { instanceOf: ColdError }, what);
  t.is(error?.failure, failure, what ?? error?.message);
}

/** For calls that may end in any way that a maker may end in. */
function unlessCold(error: unknown): undefined {
  if (!(error instanceof ColdError)) throw error;
}

export function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof ColdError && error.failure === 'unreachable')) throw error;
}

function cidsOf(deals: readonly { proposalCid: string }[]): string[] {
  return deals.map(({ proposalCid }) => proposalCid);
}

function kindsOf(replies: readonly SendReply[]): string[] {
  return replies.map(({ kind }) => kind);
}
