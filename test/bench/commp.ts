import { randomFillSync } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { openCommp } from '../../daemon/cold/pieces/commp.ts';
import { createHashPool } from '../../daemon/cold/pieces/hash-pool.ts';
import { createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import type { BlockSource } from '../../daemon/domain/cold-ports.ts';
import { createBlockSource, flatfsBlocks } from '../../daemon/hot/block-source.ts';
import { createLog } from '../../daemon/log.ts';
import { commpByDataSegment, commpByFr32 } from '../cold/pieces/other-commp.ts';
import type { Figure } from './figures.ts';
import type { Workspace } from './workspace.ts';

const MIB = 2 ** 20;
const WANTED_PER_CORE = 100;
/** Optimized code comes a little after the first runs. */
const WARM_UP_BYTES = 8 * MIB;
const WRITE_BYTES = 64 * 1024;

/** Piece commitments per second on one thread and more, beside two libraries; and whole pieces out of a real kubo. */
export async function benchCommp(workspace: Workspace): Promise<Figure[]> {
  const bytes = randomFillSync(Buffer.alloc((workspace.quick ? 8 : 256) * MIB));
  const others = {
    fr32: rate(bytes.length, await seconds(async () => commpByFr32(bytes))),
    dataSegment: ratedSlow(bytes),
  };
  const figures: Figure[] = [];
  for (let threads = 1; threads <= availableParallelism(); threads++) {
    const value = await hashed(bytes, threads);
    figures.push({
      name: `CommP, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
      value,
      unit: 'MiB/s',
      wanted: { atLeast: threads * WANTED_PER_CORE },
      baseline: { name: 'fr32-sha2-256-trunc254-padded-binary-tree-multihash', value: others.fr32 },
      more: { '@web3-storage/data-segment': others.dataSegment, 'per thread': value / threads },
    });
  }
  return [...figures, ...(await pieces(workspace, figures.at(-1)?.value ?? Number.NaN))];
}

async function hashed(bytes: Buffer, threads: number): Promise<number> {
  const pool = createHashPool(threads);
  const once = async (input: Buffer): Promise<void> => {
    const stream = openCommp(pool);
    for (let at = 0; at < input.length; at += WRITE_BYTES) await stream.write(input.subarray(at, at + WRITE_BYTES));
    await stream.finish();
  };
  await once(bytes.subarray(0, threads * WARM_UP_BYTES));
  const took = await seconds(() => once(bytes));
  await pool.close();
  return rate(bytes.length, took);
}

/** It is so slow that a part has to do. */
function ratedSlow(bytes: Buffer): number {
  const part = bytes.subarray(0, Math.min(bytes.length, 16 * MIB));
  const beganMs = performance.now();
  commpByDataSegment(part);
  return rate(part.length, (performance.now() - beganMs) / 1_000);
}

/** From blocks in kubo to a CAR on disk, fsynced, with its piece CID. */
async function pieces(workspace: Workspace, commpOnly: number): Promise<Figure[]> {
  const kubo = await workspace.kubo();
  const files = flatfsBlocks(join(kubo.repo, 'blocks'));
  files.enable(true);
  const content = randomFillSync(Buffer.alloc((workspace.quick ? 4 : 256) * MIB));
  const contentKey = contentKeyOf(parseCid(await kubo.addBytes(content, { cidVersion: 1 })));
  const figures: Figure[] = [];
  const ways: [string, BlockSource][] = [
    ["kubo's RPC", createBlockSource(kubo.rpc)],
    ["a repo's files", createBlockSource(kubo.rpc, files.blockFile)],
  ];
  for (const [name, blocks] of ways) {
    const works = createPieceWorks({
      dir: await workspace.dir('pieces'),
      manifestDir: await workspace.dir('manifests'),
      keepsFiles: true,
      proofsDir: await workspace.dir('proofs'),
      blocks,
      maxPieceBytes: 2 ** 40,
      log: createLog('silent'),
    });
    const members = [{ contentKey, sizeBytes: content.length }];
    const took = await seconds(() => works.build('piece', members, AbortSignal.timeout(600_000)));
    await works.close();
    figures.push({
      name: `piece built from ${name}`,
      value: rate(content.length, took),
      unit: 'MiB/s',
      baseline: { name: 'CommP alone', value: commpOnly },
    });
  }
  return figures;
}

function rate(bytes: number, tookS: number): number {
  return bytes / MIB / tookS;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / 1_000;
}
