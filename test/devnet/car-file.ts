import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import * as dagCbor from '@ipld/dag-cbor';
import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';

import { cborLinks } from './cbor-links.ts';
import { DAG_CBOR, DAG_PB, RAW } from './cids.ts';
import { RpcError } from './errors.ts';

const IDENTITY = 0x00;
const HEADER_BYTES_MAX = 1 << 20;
const VARINT_BYTES_MAX = 10;

/** A CARv1 on disk, and where its blocks lie. */
export interface CarIndex {
  path: string;
  root: string;
  blocks: ReadonlyMap<string, { offset: number; length: number }>;
}

/** Reads headers and block positions of a CARv1, but no block. Says what Lotus says of a file that is none. */
export async function indexCar(path: string): Promise<CarIndex> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    const header = await readVarint(file, 0, size);
    if (header === undefined || header.value > HEADER_BYTES_MAX || header.end + header.value > size) throw notACar('unexpected EOF');
    const [root, ...more] = rootsIn(await readBytes(file, header.end, header.value));
    if (root === undefined || more.length > 0) throw new RpcError(1, 'cannot import CAR with more than one root');
    const blocks = new Map<string, { offset: number; length: number }>();
    for (let at = header.end + header.value; at < size; ) {
      const section = await readVarint(file, at, size);
      if (section === undefined || section.end + section.value > size) throw new RpcError(1, `failed to read CAR: unexpected EOF`);
      // Zeros at the end fill a piece; they are no sections.
      if (section.value === 0) break;
      const prefix = await readBytes(file, section.end, Math.min(section.value, 128));
      const [cid] = CID.decodeFirst(prefix.length < 4 ? new Uint8Array(4) : prefix);
      const cidLength = cid.bytes.length;
      if (!blocks.has(cid.toString())) blocks.set(cid.toString(), { offset: section.end + cidLength, length: section.value - cidLength });
      at = section.end + section.value;
    }
    return { path, root: root.toString(), blocks };
  } finally {
    await file.close();
  }
}

/**
 * Writes the DAG below the root as Lotus' deal client does: CARv1, depth first, links in the order in which they are serialized,
 * each CID once, identity CIDs included. Rejects when a block is missing. Resolves with its size; without `to` nothing is written.
 */
export async function writeDag(
  source: CarIndex,
  root: string,
  to: string | undefined,
  onBytes: (bytes: Uint8Array) => void,
): Promise<number> {
  const file = await openFile(source.path);
  const out = to === undefined ? undefined : createWriteStream(to);
  let size = 0;
  const write = async (bytes: Uint8Array) => {
    size += bytes.length;
    onBytes(bytes);
    if (out?.write(bytes) === false) await once(out, 'drain');
  };
  try {
    const header = dagCbor.encode({ roots: [CID.parse(root)], version: 1 });
    await write(Uint8Array.from([...varint(header.length), ...header]));
    for await (const { cid, block } of walk(file, source, root)) {
      await write(Uint8Array.from([...varint(cid.bytes.length + block.length), ...cid.bytes]));
      await write(block);
    }
    return size;
  } finally {
    out?.end();
    if (out !== undefined) await once(out, 'close');
    await file.close();
  }
}

/** One block of a CAR; undefined when it has none of that CID. */
export async function readBlock(source: CarIndex, cid: string): Promise<Uint8Array | undefined> {
  const file = await openFile(source.path);
  try {
    return await blockOf(file, source, CID.parse(cid));
  } finally {
    await file.close();
  }
}

export function readWholeFile(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

/** A CAR of one block, as Lotus makes of a small file. */
export function singleBlockCar(cid: string, block: Uint8Array): Uint8Array {
  const parsed = CID.parse(cid);
  const header = dagCbor.encode({ roots: [parsed], version: 1 });
  return Buffer.concat([varint(header.length), header, varint(parsed.bytes.length + block.length), parsed.bytes, block]);
}

/** The DAG, or with `isShallow` its root alone, as the pieces of a CAR. */
export async function* carOf(source: CarIndex, root: string, isShallow: boolean): AsyncGenerator<Uint8Array> {
  const file = await openFile(source.path);
  try {
    const header = dagCbor.encode({ roots: [CID.parse(root)], version: 1 });
    yield Buffer.concat([varint(header.length), header]);
    for await (const { cid, block } of walk(file, source, root)) {
      yield Buffer.concat([varint(cid.bytes.length + block.length), cid.bytes, block]);
      if (isShallow) return;
    }
  } finally {
    await file.close();
  }
}

async function* walk(file: FileHandle, source: CarIndex, root: string): AsyncGenerator<{ cid: CID; block: Uint8Array }> {
  const seen = new Set<string>();
  const stack = [CID.parse(root)];
  for (let cid = stack.pop(); cid !== undefined; cid = stack.pop()) {
    const text = cid.toString();
    if (seen.has(text)) continue;
    seen.add(text);
    const block = await blockOf(file, source, cid);
    if (block === undefined) throw new RpcError(1, `error while traversing car dag: ipld: could not find ${text}`);
    yield { cid, block };
    stack.push(...linksOf(cid, block).reverse());
  }
}

async function blockOf(file: FileHandle, source: CarIndex, cid: CID): Promise<Uint8Array | undefined> {
  if (cid.multihash.code === IDENTITY) return cid.multihash.digest;
  const place = source.blocks.get(cid.toString());
  return place === undefined ? undefined : readBytes(file, place.offset, place.length);
}

function linksOf(cid: CID, block: Uint8Array): CID[] {
  if (cid.code === RAW) return [];
  if (cid.code === DAG_PB) return dagPb.decode(block).Links.map(({ Hash }) => Hash);
  if (cid.code === DAG_CBOR) return cborLinks(block);
  throw new RpcError(
    1,
    `error while traversing car dag: no decoder registered for multicodec code ${cid.code} (0x${cid.code.toString(16)})`,
  );
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RpcError(1, `open ${path}: ${absent ? 'no such file or directory' : 'permission denied'}`);
  }
}

function rootsIn(header: Uint8Array): CID[] {
  try {
    const { roots, version } = dagCbor.decode<{ roots: CID[]; version: number }>(header);
    if (version === 1 && Array.isArray(roots)) return roots;
  } catch {
    // Not CBOR: no CAR header.
  }
  throw notACar('invalid header');
}

function notACar(why: string): RpcError {
  return new RpcError(1, `failed to read CAR header: ${why}`);
}

async function readBytes(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new RpcError(1, 'unexpected EOF');
    done += bytesRead;
  }
  return bytes;
}

async function readVarint(file: FileHandle, at: number, size: number): Promise<{ value: number; end: number } | undefined> {
  const bytes = await readBytes(file, at, Math.max(0, Math.min(VARINT_BYTES_MAX, size - at)));
  let value = 0;
  for (const [index, byte] of bytes.entries()) {
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return undefined;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
