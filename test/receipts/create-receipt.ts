import { join } from 'node:path';

import { bls12_381 } from '@noble/curves/bls12-381.js';
import type { ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { type ClosablePieceWorks, createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import { ColdError } from '../../daemon/domain/cold-ports.ts';
import type { ColdStore } from '../../daemon/domain/cold-store-port.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import type { BuiltPiece, Piece, PieceMember, PiecePart } from '../../daemon/domain/piece.ts';
import type { Pin } from '../../daemon/domain/pin.ts';
import type { PinStore } from '../../daemon/domain/ports.ts';
import type { Receipt } from '../../daemon/domain/receipt.ts';
import type { PublishedProposal, PublishRecords, SignedProposal } from '../../daemon/domain/receipt-ports.ts';
import { createLog } from '../../daemon/log.ts';
import { checkReceipt } from '../../daemon/receipts/check.ts';
import { createReceipts, type ReceiptsOptions, type RunningReceipts } from '../../daemon/receipts.ts';
import { addressBytes, addressText } from '../devnet/address.ts';
import { encodeCbor } from '../devnet/cids.ts';
import { type Key, keyOf, sign } from '../devnet/keys.ts';
import { TestChain, TestMaker } from '../fixtures/create-cold-reconcilers.ts';
import { createDeal, createPiece } from '../fixtures/create-cold-records.ts';
import { holdContent } from '../fixtures/create-cold-side.ts';
import { createMemoryColdStore } from '../fixtures/create-cold-store.ts';
import { createMemoryBlocks, type MemoryBlocks } from '../fixtures/create-dag.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';
import { hashPool } from '../fixtures/hash-pool.ts';
import { RAW } from '../hot/blocks.ts';

export const CLIENT_ID = 'f0101';
export const NETWORK = { network: 'devnet', genesisCid: 'bafy2bzacecgenesis' };
export const ALICE = '11111111-1111-4111-8111-111111111111';
export const TIP_SET = ['bafy2bzacectipset1', 'bafy2bzacectipset2'];

export interface Terms {
  pieceCid: string;
  pieceSizeBytes: number;
  client: string;
  provider: string;
  label?: string | Uint8Array;
}

/** As a client signs it, by the devnet's own hand. */
export function proposalOf({ pieceCid, pieceSizeBytes, client, provider, label = 'root' }: Terms): Uint8Array {
  const price = Uint8Array.of(0, 0x05);
  return encodeCbor([
    CID.parse(pieceCid),
    pieceSizeBytes,
    false,
    addressBytes(client),
    addressBytes(provider),
    label,
    10_000,
    530_000,
    price,
    new Uint8Array(),
    new Uint8Array(),
  ]);
}

/** Signs proposals. */
export interface Signer {
  address: string;
  sign(bytes: Uint8Array): Uint8Array;
}

export function secpSigner(seed: string): Signer {
  const key: Key = keyOf(seed);
  return { address: key.address, sign: (bytes) => withKind(sign(key, bytes)) };
}

function withKind({ type, data }: { type: number; data: Uint8Array }): Uint8Array {
  return Uint8Array.of(type, ...data);
}

export function blsSigner(seed: number): Signer {
  const scheme = bls12_381.longSignatures;
  const secret = new Uint8Array(32).fill(seed);
  secret[0] = 1;
  const key = scheme.getPublicKey(secret);
  const hashed = (bytes: Uint8Array) => scheme.hash(bytes, 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_');
  return {
    address: addressText(Uint8Array.of(3, ...key.toBytes())),
    sign: (bytes) => Uint8Array.of(2, ...scheme.sign(hashed(bytes), secret).toBytes()),
  };
}

export interface ReceiptWorld {
  receipts: RunningReceipts;
  /** The same with other parts. */
  receiptsWith(parts: Partial<ReceiptsOptions>): RunningReceipts;
  pins: PinStore;
  cold: ColdStore;
  blocks: MemoryBlocks;
  works: ClosablePieceWorks;
  maker: TestMaker & { kept: Map<string, SignedProposal> };
  records: TestRecords;
  chain: TestChain;
  piece: Piece;
  built: BuiltPiece;
  pinOf(contentKey: string, accountId?: string): Promise<Pin>;
  /** An active deal about the piece, or one that zeros make of it; its proposal is kept by the maker. */
  addDeal(number: number, signer: Signer, fields?: Partial<Deal>, about?: Partial<Terms>): Promise<Deal>;
}

/** What a chain would say of publish messages. */
export class TestRecords implements PublishRecords {
  readonly messages = new Map<string, PublishedProposal[]>();
  isDown = false;
  finds: { chainDealId: number; from: number; to: number }[] = [];

  async read(publishCid: string): Promise<PublishedProposal[] | undefined> {
    if (this.isDown) throw new ColdError('unreachable', 'the node does not answer');
    return this.messages.get(publishCid);
  }

  async find(chainDealId: number, { from, to }: { from: number; to: number }): Promise<PublishedProposal | undefined> {
    this.finds.push({ chainDealId, from, to });
    if (this.isDown) throw new ColdError('unreachable', 'the node does not answer');
    return [...this.messages.values()].flat().find((one) => one.chainDealId === chainDealId);
  }
}

class KeepingMaker extends TestMaker {
  readonly kept = new Map<string, SignedProposal>();

  signedProposal({ proposalCid }: Pick<Deal, 'proposalCid'>): SignedProposal | undefined {
    return this.kept.get(proposalCid);
  }
}

/** One built piece of these contents, as the daemon has it, and what makes receipts of it. */
export async function createReceiptWorld(
  t: ExecutionContext,
  fill: (blocks: MemoryBlocks) => Promise<readonly CID[]>,
  part?: PiecePart,
): Promise<ReceiptWorld> {
  const blocks = createMemoryBlocks();
  const contents = await fill(blocks);
  const { pins, cold, clock } = await createMemoryColdStore();
  const [dir, proofsDir] = [join(await createTempDir(t), 'pieces'), join(await createTempDir(t), 'proofs')];
  const works = createPieceWorks({
    dir,
    manifestDir: join(dir, 'manifests'),
    keepsFiles: true,
    proofsDir,
    blocks,
    pool: hashPool,
    maxPieceBytes: 2 ** 30,
    log: createLog('silent'),
  });
  t.teardown(() => works.close());
  const members: PieceMember[] = contents.map((cid) => ({
    contentKey: cid.toString(),
    sizeBytes: 1,
    ...(part === undefined ? {} : { part }),
  }));
  const sealed = createPiece(1, { members, ...(part === undefined ? {} : { part }) });
  const built = await works.build(sealed.id, members, new AbortController().signal);
  const piece: Piece = { ...sealed, state: 'built', built };
  await cold.write({
    pieces: [{ before: undefined, after: piece }],
    chain: { before: undefined, after: { ...NETWORK, finalizedEpoch: 9_000, wallet: 'f1wallet' } },
  });
  const [maker, records, chain] = [new KeepingMaker(), new TestRecords(), new TestChain()];
  function receiptsWith(parts: Partial<ReceiptsOptions>): RunningReceipts {
    const receipts = createReceipts({
      pins,
      store: cold,
      chain,
      maker,
      records,
      proofs: works.proofs,
      rootBlock: (contentKey, signal) => blocks.block(contentKey, signal),
      clock,
      log: createLog('silent'),
      patienceMs: 600_000,
      ...parts,
    });
    t.teardown(() => receipts.stop());
    return receipts;
  }
  return {
    receipts: receiptsWith({}),
    receiptsWith,
    pins,
    cold,
    blocks,
    works,
    maker,
    records,
    chain,
    piece,
    built,
    async pinOf(contentKey, accountId = ALICE) {
      const pin = await pins.add(accountId, createPinRequest(0, { cid: contentKey, contentKey }));
      if (pin.status !== 'pinned') await holdContent(pins, contentKey);
      return (await pins.get(accountId, pin.requestId)) ?? pin;
    },
    async addDeal(number, signer, fields = {}, about = {}) {
      const { pieceCid, pieceSizeBytes } = built;
      const proposal = proposalOf({ pieceCid, pieceSizeBytes, client: signer.address, provider: `f0${1000 + number}`, ...about });
      const deal = createDeal(number, {
        pieceId: piece.id,
        maker: maker.name,
        state: 'active',
        chainDealId: 70 + number,
        activeEvidence: {
          kind: 'marketDeal',
          chainDealId: 70 + number,
          sectorStartEpoch: 9_500,
          seenEpoch: 9_900,
          tipSet: TIP_SET,
          clientId: CLIENT_ID,
          atMs: clock.nowMs(),
        },
        ...fields,
      });
      await cold.write({ deals: [{ before: undefined, after: deal }] });
      maker.kept.set(deal.proposalCid, { proposal, signature: signer.sign(proposal) });
      return deal;
    },
  };
}

/** What is wrong with a receipt. */
export function failuresOf(text: string): string[] {
  return checkReceipt(text)
    .findings.filter(({ state }) => state === 'failed')
    .map((one) => one.text);
}

/** The text with these bits of one of its bytes turned round. */
export function withFlipped(text: string, { at, bit }: { at: number; bit: number }): string {
  const bytes = Buffer.from(text);
  bytes[at] = (bytes[at] ?? 0) ^ bit;
  return bytes.toString();
}

/** One content between two others. */
export async function threeContents(t: ExecutionContext): Promise<ReceiptWorld & { contentKey: string }> {
  let contentKey = '';
  const world = await createReceiptWorld(t, async (blocks) => {
    const cids = [];
    for (const text of ['a neighbour', 'hello from fbpd', 'another neighbour'])
      cids.push(await blocks.put(RAW, Buffer.from(text.repeat(7))));
    contentKey = cids[1]?.toString() ?? '';
    return cids;
  });
  return { ...world, contentKey };
}

export async function receiptOf(world: ReceiptWorld & { contentKey: string }): Promise<Receipt> {
  return await world.receipts.of(await world.pinOf(world.contentKey), new AbortController().signal);
}
