import { randomFillSync } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { CID } from 'multiformats/cid';

import { openCommp } from '../../daemon/cold/pieces/commp.ts';
import { createHashPool } from '../../daemon/cold/pieces/hash-pool.ts';
import { type ClosablePieceWorks, createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import { createLog } from '../../daemon/log.ts';
import { checkReceipt } from '../../daemon/receipts/check.ts';
import { digestOf } from '../../daemon/receipts/form.ts';
import { placeIn, provenPlace } from '../../daemon/receipts/place.ts';
import { proposalCids } from '../../daemon/receipts/proposal.ts';
import { createMemoryBlocks, type MemoryBlocks } from '../fixtures/create-dag.ts';
import { pieceDirs } from '../fixtures/piece-dirs.ts';
import { blsSigner, CLIENT_ID, NETWORK, proposalOf, type Signer, secpSigner } from '../receipts/create-receipt.ts';
import { type Figure, quantile } from './figures.ts';
import type { Workspace } from './workspace.ts';

const MIB = 2 ** 20;
const RAW = 0x55;
const DEALS = 3;
const PIECE_ID = 'bench';

/**
 * Receipts of a content in a piece of a thousand, with three deals: how long one takes to check by what signed its deals and how
 * large its root block is; and what proofs cost where they are made, while a piece is built.
 */
export async function benchReceipts(workspace: Workspace): Promise<Figure[]> {
  const runs = workspace.quick ? 3 : 50;
  const contents = workspace.quick ? 20 : 1_000;
  const figures: Figure[] = [];
  for (const [name, rootBytes, signer] of [
    ['a root block of 1 KiB, secp256k1', 1_024, secpSigner('bench')],
    ['a root block of 1 MiB, secp256k1', MIB, secpSigner('bench')],
    ['a root block of 1 KiB, BLS', 1_024, blsSigner(7)],
  ] as const) {
    const text = await receiptText(workspace, rootBytes, contents, signer);
    figures.push(await verifyTime(name, text, runs));
  }
  return [...figures, await proofCost(workspace, contents)];
}

async function verifyTime(name: string, text: string, runs: number): Promise<Figure> {
  const tookMs: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const began = performance.now();
    const { findings } = checkReceipt(text);
    // The first run makes tables that the others use.
    if (run > 0) tookMs.push(performance.now() - began);
    const failed = findings.find(({ state }) => state === 'failed');
    if (failed !== undefined) throw new Error(failed.text);
  }
  return {
    name: `receipt verify time, ${name}`,
    value: quantile(tookMs, 0.5),
    unit: 'ms',
    more: { p99: quantile(tookMs, 0.99), bytes: text.length },
  };
}

async function openWorks(workspace: Workspace, blocks: MemoryBlocks): Promise<{ works: ClosablePieceWorks; proofsDir: string }> {
  const dirs = pieceDirs(await workspace.dir('pieces'));
  const works = createPieceWorks({ ...dirs, keepsFiles: true, blocks, maxPieceBytes: 2 ** 40, log: createLog('silent') });
  return { works, proofsDir: dirs.proofsDir };
}

async function receiptText(workspace: Workspace, rootBytes: number, contents: number, signer: Signer): Promise<string> {
  const blocks = createMemoryBlocks();
  const cids: CID[] = [];
  for (let n = 0; n < contents; n++)
    cids.push(await blocks.put(RAW, randomFillSync(new Uint8Array(n === Math.floor(contents / 2) ? rootBytes : 2_048))));
  const contentKey = String(cids[Math.floor(contents / 2)]);
  const { works } = await openWorks(workspace, blocks);
  const members = cids.map((cid) => ({ contentKey: String(cid), sizeBytes: 1 }));
  const built = await works.build(PIECE_ID, members, AbortSignal.timeout(600_000));
  const proof = await works.proofs.of({ ...built, id: PIECE_ID }, members, contentKey);
  await works.close();
  const place = proof && provenPlace(CID.parse(contentKey).bytes, blocks.bytes.get(contentKey) ?? new Uint8Array(), proof, built);
  const shown = place && placeIn(place, built);
  if (shown === undefined) throw new Error('the content is not proven');
  const deals = Array.from({ length: DEALS }, (_, i) => {
    const proposal = proposalOf({ ...built, client: signer.address, provider: `f0${1_000 + i}` });
    const signature = signer.sign(proposal);
    const lastVerified = { epoch: 1, at: '2026-01-01T00:00:00.000Z', tipSet: [] };
    return {
      proposal: Buffer.from(proposal).toString('base64'),
      signature: Buffer.from(signature).toString('base64'),
      proposalCids: proposalCids(proposal, signature, CLIENT_ID),
      claims: { clientId: CLIENT_ID, dealId: i, sectorStartEpoch: 1, lastVerified },
    };
  });
  const claims = { carRoot: built.rootCid, carSize: built.carSizeBytes };
  const receipt = {
    format: 'fbpd-receipt/1',
    about: '',
    cid: contentKey,
    made: '2026-01-01T00:00:00.000Z',
    claims: NETWORK,
    pieces: [{ ...shown, claims, deals }],
  };
  return JSON.stringify({ ...receipt, digest: digestOf(receipt) });
}

/** Building a piece with its proofs, beside the same bytes hashed alone; and what the proofs take on the disk. */
async function proofCost(workspace: Workspace, contents: number): Promise<Figure> {
  const bytes = workspace.quick ? 8_192 : 262_144;
  const blocks = createMemoryBlocks();
  const members = [];
  for (let n = 0; n < contents; n++) {
    const contentKey = String(await blocks.put(RAW, randomFillSync(new Uint8Array(bytes))));
    members.push({ contentKey, sizeBytes: bytes });
  }
  const { works, proofsDir } = await openWorks(workspace, blocks);
  const built = await works.build(PIECE_ID, members, AbortSignal.timeout(600_000));
  await works.proofs.drop(PIECE_ID);
  const began = performance.now();
  await works.proofs.make({ ...built, id: PIECE_ID }, members, AbortSignal.timeout(600_000));
  const tookS = (performance.now() - began) / 1_000;
  await works.close();
  const [name = ''] = await readdir(proofsDir);
  const { size } = await stat(join(proofsDir, name));
  const rate = (seconds: number): number => built.carSizeBytes / MIB / seconds;
  return {
    name: `a piece walked and hashed with the proofs of ${contents} contents`,
    value: rate(tookS),
    unit: 'MiB/s',
    baseline: { name: 'as many bytes hashed alone', value: rate(await hashedAlone(built.carSizeBytes)) },
    more: { 'bytes of proofs a content': size / contents },
  };
}

async function hashedAlone(bytes: number): Promise<number> {
  const pool = createHashPool();
  const part = randomFillSync(new Uint8Array(256 * 1_024));
  const began = performance.now();
  const stream = openCommp(pool);
  for (let at = 0; at < bytes; at += part.length) await stream.write(part.subarray(0, Math.min(part.length, bytes - at)));
  await stream.finish();
  const tookS = (performance.now() - began) / 1_000;
  await pool.close();
  return tookS;
}
