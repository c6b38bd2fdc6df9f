import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CarReader } from '@ipld/car';
import type { ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { createLotusChain } from '../../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { createMk12Maker, type Mk12Maker, type Mk12Options } from '../../../daemon/cold/makers/mk12.ts';
import { createLotusSigner } from '../../../daemon/cold/wallet/signer.ts';
import type { DealMaker, RefusalKind } from '../../../daemon/domain/cold-ports.ts';
import { ColdError } from '../../../daemon/domain/cold-ports.ts';
import { createDevnet, type Devnet } from '../../devnet/devnet.ts';
import type { ProviderFaults } from '../../devnet/faults.ts';
import { isSignedBy } from '../../devnet/keys.ts';
import { signedProposalCid } from '../../devnet/market-cbor.ts';
import { PieceHasher, unpadded } from '../../devnet/piece-cid.ts';
import type { ProviderDeal } from '../../devnet/provider.ts';
import { createPiece } from './create-piece.ts';
import { type Market, startProvider, type TestProvider, type Way } from './mk12-provider.ts';
import {
  askBytes,
  type ReceivedDeal,
  readAskRequest,
  readDealParams,
  readStatusRequest,
  responseBytes,
  statusBytes,
  uuidBytes,
} from './mk12-wire.ts';
import { never } from './suite.ts';
import type { MakerWorld, ProviderFault } from './world.ts';

export interface Mk12World extends MakerWorld {
  devnet: Devnet;
  testProviders: readonly TestProvider[];
  options: Mk12Options;
  /** Requests that came for pieces, by their URL. */
  fetched: readonly string[];
}

const LEAD_EPOCHS = 1_000;
const DURATION_EPOCHS = 518_400;
const GIB = 2n ** 30n;
const FIL = 10n ** 18n;
const ESCROW_ATTO = 100n * FIL;

const REFUSE: Readonly<Record<RefusalKind, string>> = {
  price: 'price',
  size: 'size',
  not_allowed: 'client not allowed by provider',
  busy: 'deal rejected due to backpressure. Please retry in some time.',
  terms: 'deal start epoch has already elapsed',
  funds: 'client available funds in escrow 0 not enough to meet storage cost for deal 1',
  other: 'we are out of tune today',
};

/** The mk12 maker over the chain of the development network, with providers that speak the real protocols on loopback. */
export async function createMk12World(way: Way): Promise<Mk12World> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-mk12-'));
  const testProviders = await Promise.all([startProvider(way), startProvider(way), startProvider(way)]);
  const devnet = await createDevnet({
    providers: testProviders.map(({ peerId, multiaddrs }) => ({ multiaddrs, ...(peerId === undefined ? {} : { peerId }) })),
  });
  const ids = devnet.providers.map(({ id }) => id) as [string, string, string];
  const [first, second, paid] = ids;
  const shelf = await startShelf();
  for (const [index, provider] of testProviders.entries()) provider.market = marketOf(devnet, ids[index] ?? '', dir);
  const byId = (id: string): TestProvider => testProviders[ids.indexOf(id)] as TestProvider;
  byId(paid).trouble.priced = true;
  let token = devnet.tokens.sign;
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => token });
  const chain = createLotusChain({ rpc, finalityEpochs: 5, clock: { nowMs: () => 0 } });
  await rpc.call('MarketAddBalance', [devnet.wallet, devnet.wallet, ESCROW_ATTO.toString()], { signal: never });
  await devnet.advance(5);
  const options: Mk12Options = {
    rpc,
    chain,
    signer: createLotusSigner(rpc, undefined),
    transfers: shelf,
    allowPrivate: true,
    // Enough on a machine that is busy with other tests; where nothing comes, they are waited for.
    askDeadlineMs: 10_000,
    sendDeadlineMs: 8_000,
    firstByteMs: 6_000,
    stallMs: 6_000,
  };
  const makers: Mk12Maker[] = [];
  const createMaker = (): DealMaker => {
    const maker = createMk12Maker(options);
    makers.push(maker);
    return shelf.told(maker);
  };
  const maker = createMaker();
  const settled = async (): Promise<void> => {
    for (const provider of testProviders) await provider.settled();
    await jobsOf(devnet);
  };
  return {
    devnet,
    testProviders,
    options,
    fetched: shelf.fetched,
    maker,
    chain,
    providers: [first, second],
    paidProvider: paid,
    noProvider: 'f0999999',
    restarted: createMaker,
    async createPiece(bytes) {
      const staged = await createPiece(join(dir, 'staging'), bytes);
      shelf.files.set(staged.piece.id, staged.file);
      return staged;
    },
    async orderOf(piece, provider) {
      const ask = devnet.providers.find(({ id }) => id === provider)?.ask.price ?? 1n;
      const { headEpoch } = await chain.view(never);
      return {
        dealId: piece.id,
        piece,
        provider,
        startEpoch: headEpoch + LEAD_EPOCHS,
        durationEpochs: DURATION_EPOCHS,
        pricePerEpochAtto: (ask * BigInt(piece.pieceSizeBytes)) / GIB + 1n,
        verified: false,
      };
    },
    async advance(epochs) {
      await settled();
      await devnet.advance(epochs);
    },
    faults: {
      send: (fault, times = 1) => {
        for (const provider of testProviders) provider.faults = Array.from({ length: times }, () => fault);
      },
      provider: (id, fault) => {
        devnet.faults.provider(id, chainFaults(fault));
        if (fault === 'answers nobody') byId(id).trouble.silent = true;
        if (fault === 'never ends a retrieval') byId(id).trouble.hangs = true;
      },
      silence: () => {
        devnet.faults.rpc('*', 'hang');
        for (const { trouble } of testProviders) trouble.silent = true;
        shelf.silent = true;
      },
      weakToken: () => {
        token = devnet.tokens.read;
      },
      clear: () => {
        token = devnet.tokens.sign;
        devnet.faults.clear();
        shelf.silent = false;
        for (const provider of testProviders) {
          provider.trouble = {};
          provider.faults = [];
        }
        byId(paid).trouble.priced = true;
      },
    },
    truth: {
      async deals() {
        await settled();
        return devnet.world.providers
          .deals()
          .filter(({ state }) => state !== 'refused')
          .map(({ proposalCid, provider, proposal }) => ({ proposalCid, provider, startEpoch: proposal.startEpoch }));
      },
      staged: async () => shelf.staged.size,
      async money() {
        const { balance, escrow } = devnet.truth();
        return BigInt(balance) + BigInt(escrow);
      },
    },
    async close() {
      await Promise.all(makers.map((one) => one.close()));
      await Promise.all(testProviders.map((one) => one.stop()));
      await shelf.stop();
      await devnet.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function chainFaults(fault: ProviderFault): ProviderFaults {
  if (typeof fault === 'object') return { refuse: REFUSE[fault.refuses] };
  switch (fault) {
    case 'publishes after a refusal':
      return { refuse: 'busy', publishAfterRefusal: true };
    case 'lost the bytes':
      return { loseBytes: true };
    case 'gives other bytes back':
      return { corruptBytes: true };
    default:
      return {};
  }
}

// ---------------------------------------------------------------------------------------------------------------
// A provider's market

const JOBS = new WeakMap<Devnet, Set<Promise<unknown>>>();

/** Transfers that are under way. */
async function jobsOf(devnet: Devnet): Promise<void> {
  await Promise.all(JOBS.get(devnet) ?? []);
}

function marketOf(devnet: Devnet, id: string, dir: string): Market {
  const { providers, accounts, market, faults } = devnet.world;
  const jobs = JOBS.get(devnet) ?? new Set<Promise<unknown>>();
  JOBS.set(devnet, jobs);
  const known = new Map<string, ReceivedDeal & { proposalCid: string }>();

  function store(received: ReceivedDeal): Uint8Array {
    const { proposal, signature, uuid } = received;
    const data = signature.subarray(1);
    const proposalCid = signedProposalCid(proposal, { type: signature[0] ?? 0, data });
    const signed = { proposal, signature: Buffer.from(data).toString('base64') };
    if (known.has(uuid))
      return responseBytes(false, `deal proposal is identical to deal ${uuid} (proposed at 2026-11-22 11:11:03 +0000 UTC)`);
    const why = providers.receive(proposalCid, signed, received.rootCid);
    if (providers.wantsData(proposalCid)) {
      known.set(uuid, { ...received, proposalCid });
      const job = pull(received, proposalCid).catch(() => undefined);
      jobs.add(job);
      void job.finally(() => jobs.delete(job));
    }
    return why === undefined
      ? responseBytes(true, '')
      : responseBytes(false, why.startsWith('deal rejected') ? why : `failed validation: ${why}`);
  }

  /** With the headers and from where it was told. Real ones come by range; this one takes all at once. */
  async function pull({ transfer, uuid }: ReceivedDeal, proposalCid: string): Promise<void> {
    const { URL: url, Headers: headers } = JSON.parse(transfer.params) as { URL: string; Headers: Record<string, string> };
    const bytes = new Uint8Array(await (await fetch(url, { headers })).arrayBuffer());
    if (bytes.length !== transfer.sizeBytes) throw new Error('it is of another size than was said');
    const file = join(dir, `${id}-${uuid}.car`);
    await writeFile(file, bytes);
    const hasher = new PieceHasher();
    hasher.write(bytes);
    await providers.take(proposalCid, file, bytes.length, hasher.end());
  }

  async function keptFile(is: (deal: ProviderDeal) => boolean): Promise<{ deal: ProviderDeal; bytes: Buffer } | undefined> {
    const deal = providers.deals().find((one) => one.provider === id && one.file !== undefined && is(one));
    if (deal?.file === undefined || faults.ofProvider(id).loseBytes === true) return undefined;
    const bytes = await readFile(deal.file);
    if (faults.ofProvider(id).corruptBytes === true) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return { deal, bytes };
  }

  return {
    async ask(request) {
      const asked = readAskRequest(request);
      const info = providers.find(asked);
      return askBytes(asked, info === undefined ? null : info.ask);
    },
    async store(request) {
      return store(readDealParams(request));
    },
    async status(request) {
      const { uuid, signature } = readStatusRequest(request);
      const none = { uuid, isOffline: false, sizeBytes: 0, receivedBytes: 0, deal: null };
      const received = known.get(uuid);
      const deal = received === undefined ? undefined : providers.deal(received.proposalCid);
      if (received === undefined || deal === undefined)
        return statusBytes({ ...none, error: `no storage deal found with deal UUID ${uuid}` });
      const key = accounts.keyAddress(received.proposal.client);
      if (!isSignedBy(key, uuidBytes(uuid), { type: signature[0] ?? 0, data: signature.subarray(1) }))
        return statusBytes({ ...none, error: 'signature verification failed' });
      return statusBytes({
        ...none,
        error: '',
        sizeBytes: received.transfer.sizeBytes,
        receivedBytes: deal.carSizeBytes ?? 0,
        deal: {
          error: deal.state === 'failed' ? deal.message : '',
          status: CHECKPOINT[deal.state],
          sealingStatus: 'Proving',
          proposal: received.proposal,
          signedProposalCid: received.proposalCid,
          publishCid: deal.publishCid ?? null,
          chainDealId: market.find(deal.proposal) ?? 0,
        },
      });
    },
    async piece(pieceCid) {
      const kept = await keptFile(({ proposal }) => proposal.pieceCid === pieceCid);
      if (kept === undefined) return undefined;
      const zeros = Buffer.alloc(unpadded(kept.deal.proposal.pieceSizeBytes) - kept.bytes.length);
      return Buffer.concat([kept.bytes, zeros]);
    },
    car: async (cid) => (await keptFile(({ root }) => root === cid))?.bytes,
    async block(cid) {
      const kept = await keptFile(({ root }) => root === cid);
      if (kept === undefined) return undefined;
      const block = await (await CarReader.fromBytes(kept.bytes)).get(CID.parse(cid));
      return block === undefined ? undefined : Buffer.from(block.bytes);
    },
  };
}

const CHECKPOINT: Readonly<Record<ProviderDeal['state'], string>> = {
  refused: 'Accepted',
  waiting: 'Accepted',
  ready: 'Transferred',
  publishing: 'Published',
  published: 'PublishConfirmed',
  sealing: 'AddedPiece',
  active: 'IndexedAndAnnounced',
  failed: 'Accepted',
};

// ---------------------------------------------------------------------------------------------------------------
// Pieces that providers come for

/** Of a transfer; like the real one it is no name of the deal's. */
export function tokenOf(dealId: string): string {
  return createHash('sha256').update(`token of ${dealId}`).digest('base64url');
}

/**
 * Stands for our own server of pieces. This maker itself has nothing to make known before providers come: so that it shows what is
 * staged, the shelf is told beside it.
 */
async function startShelf() {
  const files = new Map<string, string>();
  const staged = new Set<string>();
  const fetched: string[] = [];
  const server = createServer((request, response) => {
    const [, pieceId = '', dealId, size] = request.url?.split('/') ?? [];
    const file = files.get(pieceId);
    fetched.push(request.url ?? '');
    if (file === undefined || request.headers.authorization !== `Bearer ${tokenOf(dealId ?? '')}`)
      return void response.writeHead(401).end();
    void readFile(file).then((car) => {
      const bytes = Buffer.concat([car, Buffer.alloc(Number(size) - car.length)]);
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const shelf = {
    files,
    staged,
    fetched,
    silent: false,
    offer: (dealId: string, piece: { id: string }, sizeBytes: number) => ({
      url: `http://127.0.0.1:${port}/${piece.id}/${dealId}/${sizeBytes}`,
      headers: { Authorization: `Bearer ${tokenOf(dealId)}` },
      sizeBytes,
    }),
    told(maker: DealMaker): DealMaker {
      const heard = async (signal: AbortSignal): Promise<void> => {
        if (shelf.silent) await new Promise((resolve) => (signal.aborted ? resolve(0) : signal.addEventListener('abort', resolve)));
        if (signal.aborted) throw new ColdError('aborted', 'it was stopped');
      };
      return {
        ...maker,
        async stage(piece, file, signal) {
          await maker.stage(piece, file, signal);
          await heard(signal);
          staged.add(piece.id);
        },
        async unstage(piece, signal) {
          await maker.unstage(piece, signal);
          await heard(signal);
          staged.delete(piece.id);
        },
      };
    },
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return shelf;
}

/** Gone with the test. */
export async function worldFor(t: ExecutionContext, way: Way): Promise<Mk12World> {
  const world = await createMk12World(way);
  t.teardown(() => world.close());
  return world;
}

/** Another maker in the same world. */
export function makerFor(t: ExecutionContext, world: Mk12World, options: Partial<Mk12Options>): Mk12Maker {
  const maker = createMk12Maker({ ...world.options, ...options });
  t.teardown(() => maker.close());
  return maker;
}

/** The first provider, as the chain has it and as it really is. */
export function firstOf(world: Mk12World) {
  const [id = '', provider = world.testProviders[0]] = [world.providers[0], world.testProviders[0]];
  if (provider === undefined) throw new Error('there is no provider');
  const info = world.devnet.providers.find((one) => one.id === id);
  if (info === undefined) throw new Error('the chain has no such provider');
  return { id, provider, info };
}
