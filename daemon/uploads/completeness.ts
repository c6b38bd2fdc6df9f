import { CID } from 'multiformats/cid';

import { createCidSet } from '../cold/pieces/cid-set.ts';
import { LinksError, linksOf } from '../cold/pieces/links.ts';
import type { BlockSource } from '../domain/cold-ports.ts';
import { UploadError } from '../domain/upload-port.ts';

/** Which blocks came, and whether what they link to came as well: some dozens of bytes a block, whatever the order. */
export interface Completeness {
  /** False when it came before. Throws an UploadError when its links cannot be read, or there are more than blocks allowed. */
  arrive(cid: CID, bytes: Uint8Array): boolean;
  has(cid: CID): boolean;
  /** Blocks that came; identity CIDs are none. */
  blocks(): number;
  /** Blocks that others link to and that did not come. Where it is 0, every DAG is whole of which the root came. */
  missing(): number;
  /**
   * A block of the DAG below a root that came, and that did not: undefined when only blocks that are no part of it lack any.
   * Reads the blocks that came, as it was not kept who links to what. `some` when that would take too much memory.
   */
  missingBelow(root: CID, blocks: BlockSource, signal: AbortSignal): Promise<CID | 'some' | undefined>;
}

const IDENTITY = 0x00;
/** What kubo takes of bytes that a CID holds in the place of a hash. */
const IDENTITY_BYTES_MAX = 128;
const RAW = 0x55;
const DAG_PB = 0x70;
/** Of a CIDv0: the length and the beginning of a sha2-256 multihash. */
const V0_BYTES = 34;
const V0_BEGINS = 0x12;
/** A walk that has more before it than this is given up: it would take more memory than all the rest. */
const WALK_MAX = 500_000;

export function createCompleteness(blocksMax: number): Completeness {
  const arrived = createCidSet();
  const expected = createCidSet();
  let blocks = 0;
  let links = 0;
  let missing = 0;

  function expect(key: Uint8Array): void {
    if (arrived.has(key) || !expected.add(key)) return;
    links += 1;
    missing += 1;
    if (links > blocksMax) throw tooMany(blocksMax);
  }

  return {
    arrive(cid, bytes) {
      const key = keyOf(cid.bytes);
      // Their blocks are where the links to them are, so nobody waits for them; but what they link to must come.
      const isBlock = cid.multihash.code !== IDENTITY;
      if (isBlock) {
        if (!arrived.add(key)) return false;
        blocks += 1;
        if (blocks > blocksMax) throw tooMany(blocksMax);
        if (expected.has(key)) missing -= 1;
      }
      for (const link of blockLinks(cid, bytes)) expect(link);
      return isBlock;
    },
    has: (cid) => cid.multihash.code === IDENTITY || arrived.has(keyOf(cid.bytes)),
    blocks: () => blocks,
    missing: () => missing,
    async missingBelow(root, source, signal) {
      const seen = createCidSet();
      const before: Uint8Array[] = [];
      /** Its links; those that lead on are kept for later. */
      function look(cid: CID, bytes: Uint8Array): CID | undefined {
        for (const link of blockLinks(cid, bytes)) {
          if (!arrived.has(link)) return CID.decode(link);
          if (seen.add(link) && codecOf(link) !== RAW) before.push(link);
        }
        return undefined;
      }
      if (root.multihash.code !== IDENTITY) before.push(keyOf(root.bytes));
      else {
        const found = look(root, root.multihash.digest);
        if (found !== undefined) return found;
      }
      for (let next = before.pop(); next !== undefined; next = before.pop()) {
        const cid = CID.decode(next);
        const found = look(cid, await source.block(cid.toString(), signal));
        if (found !== undefined) return found;
        if (before.length > WALK_MAX) return 'some';
      }
      return undefined;
    },
  };
}

/** Under one name for both versions of a CID. */
function keyOf(cid: Uint8Array): Uint8Array {
  return cid.length === V0_BYTES && cid[0] === V0_BEGINS ? Uint8Array.of(1, DAG_PB, ...cid) : cid;
}

function codecOf(key: Uint8Array): number {
  return CID.inspectBytes(key.subarray(0, Math.min(key.length, 64))).codec;
}

/** Keys of the blocks it links to. Identity CIDs are looked through, however deep they lie in each other: that is bounded by the block. */
function* blockLinks(cid: CID, bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const toRead: { codec: number; bytes: Uint8Array }[] = [{ codec: cid.code, bytes }];
  for (let next = toRead.pop(); next !== undefined; next = toRead.pop()) {
    for (const link of readLinks(cid, next.codec, next.bytes)) {
      const key = keyOf(link);
      if (CID.inspectBytes(key).multihashCode !== IDENTITY) yield key;
      else {
        const { code: codec, multihash } = CID.decode(key);
        assertShortEnough(multihash, `the block ${cid} links to an identity CID that`);
        toRead.push({ codec, bytes: multihash.digest });
      }
    }
  }
}

/** @throws UploadError for an identity CID that nodes take for none. `what` begins the sentence. */
export function assertShortEnough({ code, size }: CID['multihash'], what: string): void {
  if (code === IDENTITY && size > IDENTITY_BYTES_MAX)
    throw new UploadError('unsupported', `${what} holds ${size} bytes itself, more than the ${IDENTITY_BYTES_MAX} that IPFS nodes take`);
}

function readLinks(cid: CID, codec: number, bytes: Uint8Array): Uint8Array[] {
  try {
    return linksOf(codec, bytes);
  } catch (cause) {
    if (!(cause instanceof LinksError)) throw cause;
    throw new UploadError('unsupported', `the links of the block ${cid} cannot be read: ${cause.message}`, { cause });
  }
}

function tooMany(blocksMax: number): UploadError {
  return new UploadError('too_large', `more than ${blocksMax} blocks, which is the most one pin may have`);
}
