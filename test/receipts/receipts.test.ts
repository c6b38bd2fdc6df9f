import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { decode, encode } from '@ipld/dag-cbor';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { blake2b } from '@noble/hashes/blake2.js';
import test, { type ExecutionContext } from 'ava';

import type { Proposal } from '../../daemon/cold/chain/proposal.ts';
import { requestFields } from '../../daemon/cold/makers/mk12/request.ts';
import { createMk12Maker, type Mk12Maker } from '../../daemon/cold/makers/mk12.ts';
import { proposalBytes, signedProposalCid, unsignedProposalCid } from '../../daemon/cold/makers/proposal.ts';
import { commpOf, unpaddedBytes } from '../../daemon/cold/pieces/commp.ts';
import { ColdError, PieceError } from '../../daemon/domain/cold-ports.ts';
import { FbpdError } from '../../daemon/domain/errors.ts';
import type { Receipt } from '../../daemon/domain/receipt.ts';
import { checkReceipt } from '../../daemon/receipts/check.ts';
import { isSignedBy } from '../../daemon/receipts/signature.ts';
import { GOLDEN } from '../cold/makers/golden-proposal.ts';
import { keyAddress } from '../devnet/address.ts';
import { TestChain } from '../fixtures/create-cold-reconcilers.ts';
import { createPiece } from '../fixtures/create-cold-records.ts';
import { createDag, randomBytes } from '../fixtures/create-dag.ts';
import { recorded } from '../fixtures/lotus/recorded.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { DAG_CBOR, dagCborList, identityCid, RAW } from '../hot/blocks.ts';
import {
  ALICE,
  blsSigner,
  CLIENT_ID,
  createReceiptWorld,
  failuresOf,
  NETWORK,
  proposalOf,
  receiptOf,
  secpSigner,
  TIP_SET,
  threeContents,
  withFlipped,
} from './create-receipt.ts';
import { provenBlock } from './small-proof.ts';

const seed = testSeed();
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
const never = new AbortController().signal;

async function refused(t: ExecutionContext, code: string, promise: Promise<unknown>): Promise<string> {
  const error = (await t.throwsAsync(promise, { instanceOf: FbpdError })) as FbpdError;
  t.is(error.code, code as FbpdError['code']);
  return error.message;
}

/** Everything of a receipt that can be checked, by other code than the daemon's. */
function checkByHand(t: ExecutionContext, receipt: Receipt, block: Uint8Array | undefined): void {
  for (const piece of receipt.pieces) {
    const window = Buffer.from(piece.window, 'base64');
    const proof = piece.proof.map((node) => Buffer.from(node, 'base64'));
    const proven = provenBlock({ ...piece, cid: receipt.cid, window, proof });
    if (block !== undefined) t.deepEqual(Buffer.from(proven), Buffer.from(block));
    for (const { proposal, signature } of piece.deals) {
      const bytes = Buffer.from(proposal, 'base64');
      const signed = Buffer.from(signature, 'base64');
      const [pieceCid, pieceSize, , client] = decode(bytes) as [object, number, boolean, Uint8Array];
      t.is(String(pieceCid), piece.pieceCid);
      t.is(pieceSize, piece.pieceSize);
      if (signed[0] !== 1) continue;
      const recovered = Uint8Array.from([signed[65] ?? 0, ...signed.subarray(1, 65)]);
      const key = secp256k1.recoverPublicKey(recovered, blake2b(bytes, { dkLen: 32 }), { prehash: false });
      const payload = blake2b(secp256k1.Point.fromBytes(key).toBytes(false), { dkLen: 20 });
      t.deepEqual(Buffer.from(client), Buffer.from([1, ...payload]));
    }
  }
}

test('a receipt of one content among others is verified with nothing but itself, and by another verifier', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'), {
    retrievalEvidence: { kind: 'retrieval', bytes: 1, tookMs: 1, firstByteMs: 1, seenEpoch: 1, atMs: 0 },
  });
  await world.addDeal(2, blsSigner(7), { publishCid: 'bafy2bzacedpublish' });
  const receipt = await receiptOf(world);
  t.deepEqual(failuresOf(JSON.stringify(receipt)), []);
  t.deepEqual(failuresOf(`${JSON.stringify(receipt, null, 2)}\n`), [], 'however it is laid out');
  checkByHand(t, receipt, Buffer.from('hello from fbpd'.repeat(7)));
  t.is(receipt.cid, world.contentKey);
  t.deepEqual(receipt.claims, NETWORK);
  const [piece] = receipt.pieces;
  t.is(receipt.pieces.length, 1);
  t.is(piece?.pieceCid, world.built.pieceCid);
  t.is(piece?.pieceSize, world.built.pieceSizeBytes);
  t.deepEqual(piece?.claims, { carRoot: world.built.rootCid, carSize: world.built.carSizeBytes });
  t.is(piece?.deals.length, 2);
  t.deepEqual(piece?.deals[0]?.claims, {
    clientId: CLIENT_ID,
    dealId: 71,
    sectorStartEpoch: 9_500,
    lastVerified: { epoch: 9_900, at: '2023-11-14T22:13:20.000Z', tipSet: TIP_SET },
    lastRetrieved: '1970-01-01T00:00:00.000Z',
  });
  t.is(piece?.deals[1]?.claims.publishCid, 'bafy2bzacedpublish');
  t.false(Buffer.from(piece?.window ?? '', 'base64').includes('neighbour'));
});

test('of a content that was cut the root block is proven in the piece of a part, under its hash', async (t) => {
  let root: Uint8Array = new Uint8Array();
  const part = { cut: 'cut', index: 1, of: 3, from: 3, to: 6, pieceBytesMax: 2 ** 20 };
  const world = await createReceiptWorld(
    t,
    async (blocks) => {
      const leaves = [];
      for (let n = 0; n < 8; n++) leaves.push(await blocks.put(RAW, Buffer.alloc(200, n)));
      const cid = await blocks.put(DAG_CBOR, encode(leaves));
      root = blocks.bytes.get(cid.toString()) ?? root;
      return [cid];
    },
    part,
  );
  await world.addDeal(1, secpSigner('own'));
  const [{ contentKey } = { contentKey: '' }] = world.piece.members;
  const pin = await world.pinOf(contentKey);
  const receipt = await world.receipts.of(pin, never);
  t.deepEqual(receipt.pieces[0]?.claims, {
    carRoot: world.built.rootCid,
    carSize: world.built.carSizeBytes,
    part: { number: 2, of: 3 },
  });
  t.regex(receipt.about, /root block lies in the piece of every part/);
  t.deepEqual(failuresOf(JSON.stringify(receipt)), []);
  t.true(checkReceipt(JSON.stringify(receipt)).findings.some(({ state, text }) => state === 'claimed' && /part 2 of 3/.test(text)));
  checkByHand(t, receipt, root);
  await world.works.proofs.drop(world.piece.id);
  t.deepEqual((await world.receipts.of(pin, never)).pieces, receipt.pieces, 'made anew it is the same');
});

test('receipts of contents of chance, alone and with others', async (t) => {
  for (let i = 0; i < 12; i++) {
    const random = createRandom(seed).fork(i);
    const keys: string[] = [];
    const world = await createReceiptWorld(t, async (blocks) => {
      const roots = new Map<string, Awaited<ReturnType<typeof createDag>>['root']>();
      for (let n = 1 + random.below(4); n > 0; n--) {
        const { root } = await createDag(blocks, random, { share: false, leafBytes: 1 + random.below(2_000) });
        roots.set(root.toString(), root);
      }
      keys.push(...roots.keys());
      return [...roots.values()];
    });
    await world.addDeal(1, secpSigner('own'));
    for (const contentKey of keys) {
      const pin = await world.pinOf(contentKey);
      const receipt = await world.receipts.of(pin, never);
      t.deepEqual(failuresOf(JSON.stringify(receipt)), []);
      checkByHand(t, receipt, world.blocks.bytes.get(contentKey));
    }
  }
});

test('deals about the same CAR with zeros behind it have an entry of their own', async (t) => {
  const world = await threeContents(t);
  const { built, works, piece } = world;
  const car = await readFile((await works.staged(piece.id)) ?? '');
  const pieceSizeBytes = 8 * built.pieceSizeBytes;
  const { pieceCid } = commpOf(Buffer.concat([car, Buffer.alloc(unpaddedBytes(pieceSizeBytes) - car.length)]));
  await world.addDeal(1, secpSigner('small'));
  await world.addDeal(2, secpSigner('large'), {}, { pieceCid, pieceSizeBytes });
  const receipt = await receiptOf(world);
  t.deepEqual(
    receipt.pieces.map((one) => [one.pieceCid, one.pieceSize, one.deals.length]),
    [
      [built.pieceCid, built.pieceSizeBytes, 1],
      [pieceCid, pieceSizeBytes, 1],
    ],
  );
  t.deepEqual(failuresOf(JSON.stringify(receipt)), []);
  checkByHand(t, receipt, undefined);
});

test('a content that was repacked is shown in the old piece and in the new one, as long as deals of both are active', async (t) => {
  const world = await threeContents(t);
  const { cold, works, piece, contentKey } = world;
  const client = secpSigner('client');
  await cold.write({ pieces: [{ before: await cold.piece(piece.id), after: { ...piece, state: 'retired' } }] });
  const sealed = createPiece(2, { members: [{ contentKey, sizeBytes: 1 }] });
  const built = await works.build(sealed.id, sealed.members, never);
  await cold.write({ pieces: [{ before: undefined, after: { ...sealed, state: 'built', built } }] });
  const old = await world.addDeal(1, client);
  await world.addDeal(2, client, { pieceId: sealed.id }, built);
  const receipt = await receiptOf(world);
  t.deepEqual(
    receipt.pieces.map(({ pieceCid, deals }) => [pieceCid, deals.length]),
    [
      [world.built.pieceCid, 1],
      [built.pieceCid, 1],
    ],
  );
  t.deepEqual(failuresOf(JSON.stringify(receipt)), []);
  checkByHand(t, receipt, await world.blocks.block(contentKey, never));
  const [before] = await cold.dealsOf(piece.id);
  await cold.write({ deals: [{ before, after: { ...old, state: 'expired' } }] });
  t.deepEqual(
    (await receiptOf(world)).pieces.map(({ pieceCid }) => pieceCid),
    [built.pieceCid],
  );
});

test('a content that is an identity CID, and one of a few bytes', async (t) => {
  for (const make of [async () => identityCid(Buffer.from('hello'), RAW), undefined]) {
    let contentKey = '';
    const world = await createReceiptWorld(t, async (blocks) => {
      const cid = make === undefined ? await blocks.put(RAW, Buffer.from('x')) : await make();
      blocks.bytes.set(cid.toString(), cid.multihash.code === 0 ? cid.multihash.digest : Buffer.from('x'));
      contentKey = cid.toString();
      return [cid];
    });
    await world.addDeal(1, secpSigner('tiny'));
    t.deepEqual(failuresOf(JSON.stringify(await receiptOf({ ...world, contentKey }))), []);
  }
});

// ---------------------------------------------------------------------------------------------------------------
// What is found

test('a flipped bit of any byte is found', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'), { publishCid: 'bafy2bzacedpublish' });
  const text = JSON.stringify(await receiptOf(world), null, 2);
  t.deepEqual(failuresOf(text), []);
  const random = createRandom(seed).fork('bits');
  t.deepEqual(
    Array.from({ length: text.length }, (_, at) => ({ at, bit: 1 << random.below(8) })).filter(
      (one) => failuresOf(withFlipped(text, one)).length === 0,
    ),
    [],
  );
});

/** With the digest made anew, as whoever means it would. */
function forged(receipt: Receipt, change: (receipt: Receipt) => void): string {
  const copy = structuredClone(receipt);
  change(copy);
  const { digest: _, ...rest } = copy;
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, part]) => [key, sorted(part)]),
          )
        : value;
  return JSON.stringify({
    ...copy,
    digest: createHash('sha256')
      .update(JSON.stringify(sorted(rest)))
      .digest('hex'),
  });
}

function flip(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}

test('what is proven cannot be changed by whoever makes the digest anew', async (t) => {
  const world = await threeContents(t);
  const [one, other] = [secpSigner('one'), secpSigner('other')];
  await world.addDeal(1, one);
  await world.addDeal(2, other);
  const receipt = await receiptOf(world);
  t.deepEqual(failuresOf(forged(receipt, () => undefined)), []);
  const windowBytes = Buffer.from(receipt.pieces[0]?.window ?? '', 'base64').length;
  const cases: [string, RegExp, (piece: Receipt['pieces'][number], receipt: Receipt) => void][] = [
    ['another content', /another CID/, (_piece, whole) => Object.assign(whole, { cid: world.piece.members[0]?.contentKey })],
    ['another piece', /leads to another piece/, (piece) => Object.assign(piece, { pieceCid: commpOf(Buffer.from('other')).pieceCid })],
    ['a larger piece', /does not fit/, (piece) => Object.assign(piece, { pieceSize: piece.pieceSize * 2 })],
    ['a smaller piece', /does not fit|no piece/, (piece) => Object.assign(piece, { pieceSize: piece.pieceSize / 2 })],
    ['no size of a piece', /no piece/, (piece) => Object.assign(piece, { pieceSize: piece.pieceSize + 1 })],
    ['another place', /window|length|CID|section/, (piece) => Object.assign(piece.section, { offset: piece.section.offset + 1 })],
    ['another quad', /leads|fit/, (piece) => Object.assign(piece.section, { offset: piece.section.offset + 127 })],
    ['a longer section', /window|length|CID|hash/, (piece) => Object.assign(piece.section, { length: piece.section.length + 1 })],
    ['a node less', /does not fit/, (piece) => void piece.proof.pop()],
    ['a node more', /does not fit/, (piece) => void piece.proof.push(piece.proof[0] ?? '')],
    ['another node', /leads to another/, (piece) => Object.assign(piece.proof, [flip(piece.proof[0] ?? '', 3)])],
    ['a short node', /has not 32/, (piece) => Object.assign(piece.proof, ['AAAA'])],
    ['no base64', /no base64/, (piece) => Object.assign(piece, { window: `${piece.window}=` })],
    ['the first byte shown', /leads to another/, (piece) => Object.assign(piece, { window: flip(piece.window, 0) })],
    ['the last byte shown', /leads to another/, (piece) => Object.assign(piece, { window: flip(piece.window, windowBytes - 1) })],
    [
      'a proposal',
      /not signed|cannot be read|CID/,
      ({ deals: [deal] }) => deal && Object.assign(deal, { proposal: flip(deal.proposal, 90) }),
    ],
    ["another's signature", /not signed by/, ({ deals: [a, b] }) => a && Object.assign(a, { signature: b?.signature })],
    [
      'a signature of another kind',
      /cannot be told/,
      ({ deals: [deal] }) => deal && Object.assign(deal, { signature: flip(deal.signature, 0) }),
    ],
    [
      'a CID of the proposal',
      /unsigned proposal/,
      ({ deals: [a, b] }) => a && Object.assign(a.proposalCids, { unsigned: b?.proposalCids.unsigned }),
    ],
    [
      'the CID of the signed one',
      /signed proposal/,
      ({ deals: [a, b] }) => a && Object.assign(a.proposalCids, { signed: b?.proposalCids.signed }),
    ],
    ['who the client claims to be', /normalized proposal/, ({ deals: [deal] }) => deal && Object.assign(deal.claims, { clientId: 'f09' })],
    ['a deal once more', /lists this deal twice/, ({ deals }) => void deals.push(structuredClone(deals[0]) as (typeof deals)[number])],
    [
      'a deal once more, under another number',
      /lists this deal twice/,
      ({ deals }) => {
        const twin = structuredClone(deals[0]) as (typeof deals)[number];
        deals.push({ ...twin, claims: { ...twin.claims, dealId: 4_711 } });
      },
    ],
    ['a piece once more', /lists this deal twice/, (piece, whole) => void whole.pieces.push(structuredClone(piece))],
    ['no time', /made is no time/, (_piece, whole) => Object.assign(whole, { made: 'in the year 3000' })],
    ['no deals', /names no deal/, (piece) => Object.assign(piece, { deals: [] })],
    ['no pieces', /names no piece/, (_piece, whole) => Object.assign(whole, { pieces: [] })],
  ];
  for (const [name, expected, change] of cases) {
    const failures = failuresOf(forged(receipt, (copy) => copy.pieces[0] && change(copy.pieces[0], copy)));
    t.true(
      failures.some((text) => expected.test(text)),
      `${name}: ${failures.join('; ')}`,
    );
  }
});

test('a proposal about another piece or size, signed as it may be, proves nothing of this one', async (t) => {
  const world = await threeContents(t);
  const signer = secpSigner('one');
  await world.addDeal(1, signer);
  const receipt = await receiptOf(world);
  const { pieceCid, pieceSizeBytes } = world.built;
  const common = { client: signer.address, provider: 'f01001' };
  for (const [about, expected] of [
    [{ pieceCid: commpOf(Buffer.from('x')).pieceCid, pieceSizeBytes }, /about another piece/],
    [{ pieceCid, pieceSizeBytes: 2 * pieceSizeBytes }, /about a piece of/],
  ] as const) {
    const proposal = proposalOf({ ...common, ...about });
    const failures = failuresOf(
      forged(receipt, ({ pieces: [piece] }) => {
        const [deal] = piece?.deals ?? [];
        if (deal === undefined) return;
        deal.proposal = Buffer.from(proposal).toString('base64');
        deal.signature = Buffer.from(signer.sign(proposal)).toString('base64');
      }),
    );
    t.true(
      failures.some((text) => expected.test(text)),
      failures.join('; '),
    );
  }
});

test('claims are not proven, and are said to be claims', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const text = forged(
    await receiptOf(world),
    ({ pieces: [piece] }) => piece?.deals[0] && Object.assign(piece.deals[0].claims, { dealId: 4_711 }),
  );
  const { findings } = checkReceipt(text);
  t.deepEqual(failuresOf(text), []);
  t.regex(
    findings
      .filter(({ state }) => state === 'claimed')
      .map((one) => one.text)
      .join('\n'),
    /number 4711/,
  );
});

test('what is no receipt is said to be none, whatever it is', (t) => {
  const deep = `${'['.repeat(100_000)}`;
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '"x"',
    '{"format":"fbpd-receipt/2"}',
    '{"format":"fbpd-receipt/1"}',
    deep,
    `{"format":"fbpd-receipt/1","pieces":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  ]) {
    const { receipt, findings } = checkReceipt(text);
    t.is(receipt, undefined);
    t.regex(findings[0]?.text ?? '', /^this is no receipt: /);
    t.is(findings[0]?.state, 'failed');
  }
});

test('proposals that are bombs, or CBOR of something else, are refused', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const receipt = await receiptOf(world);
  const [proposal = new Uint8Array()] = receipt.pieces.map(({ deals }) => Buffer.from(deals[0]?.proposal ?? '', 'base64'));
  const bombs = [
    Buffer.alloc(2_000, 0x81),
    Buffer.from('9affffffff', 'hex'),
    Buffer.from('5bffffffffffffffff', 'hex'),
    Buffer.alloc(1_000_000),
    Buffer.from('80', 'hex'),
    Buffer.concat([proposal, Buffer.alloc(1)]),
    Buffer.alloc(0),
  ];
  for (const bomb of bombs) {
    const text = forged(
      receipt,
      ({ pieces: [piece] }) => piece?.deals[0] && Object.assign(piece.deals[0], { proposal: bomb.toString('base64') }),
    );
    t.regex(failuresOf(text).join('; '), /cannot be read/, bomb.subarray(0, 10).toString('hex'));
  }
});

test("a real Lotus's BLS wallet is believed, and nobody else in its place", (t) => {
  const wallet = 'f3vh3mtjpwei47ucsha2m67v3pb6wogxefiubu6eblh52rdwjwu2jllahr3uoppqsol5nr5phhqkmmnmrlijua';
  const { Type, Data } = (recorded('21-WalletSign').reply?.result ?? {}) as { Type: number; Data: string };
  const signature = Buffer.concat([Buffer.of(Type), Buffer.from(Data, 'base64')]);
  t.true(isSignedBy(wallet, Buffer.from('hello'), signature));
  t.false(isSignedBy(wallet, Buffer.from('hellO'), signature));
  t.false(isSignedBy(blsSigner(3).address, Buffer.from('hello'), signature));
  t.false(isSignedBy(wallet, Buffer.from('hello'), signature.subarray(0, 50)));
  t.is(isSignedBy('f0101', Buffer.from('hello'), signature), undefined);
  t.is(isSignedBy(keyAddress(new Uint8Array(65)), Buffer.from('hello'), signature), undefined);
});

// ---------------------------------------------------------------------------------------------------------------
// When there is none

test('where there is nothing to prove yet, it is said why', async (t) => {
  const world = await threeContents(t);
  const { contentKey, pins, receipts } = world;
  const other = await world.pinOf((await world.blocks.put(RAW, Buffer.from('in no piece'))).toString());
  t.regex(
    await refused(t, 'CONFLICT', receipts.of(other, never)),
    /nothing to prove yet: no deal has been made about it; next: it waits for a piece/,
  );
  const pin = await world.pinOf(contentKey);
  t.regex(await refused(t, 'CONFLICT', receipts.of(pin, never)), /no deal has been made/);
  await world.addDeal(1, secpSigner('one'), { state: 'published' });
  t.regex(await refused(t, 'CONFLICT', receipts.of(pin, never)), /final chain has none of its deals in a sector/);
  const queued = { ...pin, status: 'queued' as const };
  t.regex(await refused(t, 'CONFLICT', receipts.of(queued, never)), /the pin is queued/);
  t.is((await pins.get(pin.accountId, pin.requestId))?.status, 'pinned');
});

test('a proposal that the maker did not keep is found in the message that published it, which is remembered', async (t) => {
  const world = await threeContents(t);
  const deal = await world.addDeal(1, secpSigner('one'));
  const kept = world.maker.kept.get(deal.proposalCid);
  if (kept === undefined) return t.fail();
  world.maker.kept.clear();
  world.records.isDown = true;
  const pin = await world.pinOf(world.contentKey);
  t.regex(await refused(t, 'UNAVAILABLE', world.receipts.of(pin, never)), /on the chain, which cannot be read/);
  world.records.isDown = false;
  world.records.messages.set('bafy2bzacedfound', [{ ...kept, publishCid: 'bafy2bzacedfound', chainDealId: 71 }]);
  const receipt = await world.receipts.of(pin, never);
  t.is(receipt.pieces[0]?.deals[0]?.claims.publishCid, 'bafy2bzacedfound');
  t.deepEqual(failuresOf(JSON.stringify(receipt)), []);
  t.is((await world.cold.deal(deal.id))?.value.publishCid, 'bafy2bzacedfound');
  const finds = world.records.finds.length;
  await world.receipts.of(pin, never);
  t.is(world.records.finds.length, finds, 'it is not looked for again');
});

/** With a node that answers nothing, and nobody to sign. */
function unreachableMk12(t: ExecutionContext, chain: TestChain): Mk12Maker {
  const down = async (): Promise<never> => {
    throw new ColdError('unreachable', 'the node does not answer');
  };
  const maker = createMk12Maker({
    rpc: { call: down, permissions: down },
    chain,
    signer: { address: down, sign: down, problem: async () => undefined, advice: async () => undefined },
    transfers: { offer: () => ({ url: '', headers: {}, sizeBytes: 0 }) },
    allowPrivate: false,
  });
  t.teardown(() => maker.close());
  return maker;
}

test('the proposal of a deal made by mk12 is in what was kept to send it: no node is needed for its receipt', async (t) => {
  const world = await threeContents(t);
  const signer = secpSigner('one');
  const { pieceCid, pieceSizeBytes, rootCid } = world.built;
  const proposal: Proposal = { ...GOLDEN, pieceCid, pieceSizeBytes, client: signer.address, label: rootCid };
  const [type = 0, ...data] = signer.sign(proposalBytes(proposal));
  const signature = { type, data: Uint8Array.from(data) };
  const signed = signedProposalCid(proposal, signature);
  const request = requestFields({
    uuid: ALICE,
    proposal,
    signature,
    rootCid,
    transfer: { url: 'https://pins.example.org/v1/pieces/1', headers: { Authorization: 'Bearer secret' }, sizeBytes: 1 },
    statusSignature: signature,
    cids: { unsigned: unsignedProposalCid(proposal), signed },
  });
  const kept = { maker: 'mk12', provider: proposal.provider, publishCid: 'bafy2bzacedpublish', proposalCid: signed };
  await world.addDeal(1, signer, { ...kept, request: JSON.parse(JSON.stringify(request)) });
  const chain = new TestChain();
  chain.failure = 'unreachable';
  world.records.isDown = true;
  const maker = unreachableMk12(t, chain);
  const pin = await world.pinOf(world.contentKey);
  const receipt = await world.receiptsWith({ maker, chain }).of(pin, never);
  t.is(receipt.pieces[0]?.deals.length, 1);
  t.is(receipt.pieces[0]?.deals[0]?.proposalCids.signed, signed);
  const text = JSON.stringify(receipt);
  t.deepEqual(failuresOf(text), []);
  t.false(text.includes('secret'));
  checkByHand(t, receipt, Buffer.from('hello from fbpd'.repeat(7)));
  t.is(
    maker.signedProposal?.({ request, proposalCid: signed, begunAs: 'bafyother' }),
    undefined,
    'nobody knows what was signed under another CID',
  );
});

test('proofs that were lost or damaged are made again from hot blocks, or it is said why not', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const { works, piece } = world;
  const pin = await world.pinOf(world.contentKey);
  const first = await world.receipts.of(pin, never);
  await works.proofs.drop(piece.id);
  t.deepEqual((await world.receipts.of(pin, never)).pieces, first.pieces);
  await works.proofs.drop(piece.id);
  const [neighbour] = piece.members;
  world.blocks.bytes.delete(neighbour?.contentKey ?? '');
  t.regex(await refused(t, 'CONFLICT', world.receipts.of(pin, never)), /not all of the piece has a hot copy/);
});

test('a piece that cannot be built again is not tried for each request', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const pin = await world.pinOf(world.contentKey);
  const { proofs } = world.works;
  await proofs.drop(world.piece.id);
  let [tries, nowMs] = [0, 0];
  const failing = { ...proofs, make: () => Promise.reject(new PieceError('mismatch', `try ${++tries}`)) };
  const receipts = world.receiptsWith({ proofs: failing, clock: { nowMs: () => nowMs } });
  for (let i = 0; i < 3; i++) t.regex(await refused(t, 'CONFLICT', receipts.of(pin, never)), /cannot be built again as it was: try 1/);
  nowMs += 60_000;
  t.regex(await refused(t, 'CONFLICT', receipts.of(pin, never)), /try 2/);
});

test('a kept proof that leads elsewhere is not given to anybody', async (t) => {
  const random = createRandom(seed).fork('damaged');
  let damaged = true;
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const { proofs } = world.works;
  const pin = await world.pinOf(world.contentKey);
  const spoilt = {
    ...proofs,
    of: async (...args: Parameters<typeof proofs.of>) => {
      const found = await proofs.of(...args);
      return found && damaged ? { ...found, siblings: found.siblings.map(() => randomBytes(32, random)) } : found;
    },
    drop: async (id: string) => {
      damaged = false;
      await proofs.drop(id);
    },
  };
  const receipts = world.receiptsWith({ proofs: spoilt });
  t.deepEqual(failuresOf(JSON.stringify(await receipts.of(pin, never))), []);
  t.false(damaged);
});

test('who asks while a proof is being made is told so, and has it later', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const { proofs } = world.works;
  const gate = Promise.withResolvers<void>();
  await proofs.drop(world.piece.id);
  const slow = { ...proofs, make: async (...args: Parameters<typeof proofs.make>) => gate.promise.then(() => proofs.make(...args)) };
  const receipts = world.receiptsWith({ proofs: slow, patienceMs: 1 });
  const pin = await world.pinOf(world.contentKey);
  t.regex(await refused(t, 'UNAVAILABLE', receipts.of(pin, never)), /being made/);
  gate.resolve();
  await receipts.stop();
  t.deepEqual(failuresOf(JSON.stringify(await world.receipts.of(pin, never))), []);
});

test('a root block that cannot be had is a matter of time', async (t) => {
  const world = await threeContents(t);
  await world.addDeal(1, secpSigner('one'));
  const pin = await world.pinOf(world.contentKey);
  world.blocks.bytes.delete(world.contentKey);
  t.regex(await refused(t, 'UNAVAILABLE', world.receipts.of(pin, never)), /root block.*not found locally/);
});

test('a root block among the blocks of another content is shown only to whom that one is, too', async (t) => {
  let [inner, outer] = ['', ''];
  const world = await createReceiptWorld(t, async (blocks) => {
    const file = await blocks.put(RAW, Buffer.from('a file in somebody else’s directory'));
    const directory = await blocks.put(DAG_CBOR, dagCborList([file]));
    [inner, outer] = [file.toString(), directory.toString()];
    return [directory, file];
  });
  await world.addDeal(1, secpSigner('one'));
  const bob = '22222222-2222-4222-8222-222222222222';
  const pin = await world.pinOf(inner, bob);
  await world.pinOf(outer);
  t.regex(await refused(t, 'CONFLICT', world.receipts.of(pin, never)), /among the blocks of another content/);
  await world.pinOf(outer, bob);
  t.deepEqual(failuresOf(JSON.stringify(await world.receipts.of(pin, never))), []);
});
