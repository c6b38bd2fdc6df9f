import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CarBufferWriter } from '@ipld/car';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';

import { PieceHasher } from '../../devnet/piece-cid.ts';
import type { StagedPiece } from './world.ts';

const RAW = 0x55;
const HEADER_BYTES = 256;

/** A CAR of one random block, which nobody has seen before, and the piece that it is. */
export async function createPiece(directory: string, bytes = 1_500): Promise<StagedPiece> {
  const block = randomBytes(bytes);
  const cid = CID.createV1(RAW, await sha256.digest(block));
  const writer = CarBufferWriter.createWriter(new ArrayBuffer(bytes + HEADER_BYTES), { roots: [cid] });
  writer.write({ cid, bytes: block });
  const car = writer.close({ resize: true });
  const hasher = new PieceHasher();
  hasher.write(car);
  const id = randomUUID();
  const file = join(directory, `${id}.car`);
  await mkdir(directory, { recursive: true });
  await writeFile(file, car);
  return { piece: { id, rootCid: cid.toString(), carSizeBytes: car.length, ...hasher.end() }, file };
}
