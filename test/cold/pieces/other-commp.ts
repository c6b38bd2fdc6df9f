import { Piece } from '@web3-storage/data-segment';
import { create } from 'fr32-sha2-256-trunc254-padded-binary-tree-multihash';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

/** Piece commitments as others make them: padding ‖ height ‖ root, turned into the first version's CID. */
export interface OtherCommp {
  pieceCid: string;
  pieceSizeBytes: number;
}

interface Wasm {
  multihashByteLength(): number;
  free(): void;
}

export function commpByFr32(bytes: Uint8Array): OtherCommp {
  // Its types do not say all that it has.
  const hasher = create() as ReturnType<typeof create> & Wasm;
  hasher.write(bytes);
  const multihash = new Uint8Array(hasher.multihashByteLength());
  hasher.digestInto(multihash, 0, true);
  hasher.free();
  return fromRoot(multihash.subarray(-32), multihash.at(-33) ?? 0);
}

export function commpByDataSegment(bytes: Uint8Array): OtherCommp {
  const piece = Piece.fromPayload(bytes);
  return fromRoot(piece.root, piece.height);
}

function fromRoot(root: Uint8Array, height: number): OtherCommp {
  return { pieceCid: CID.createV1(0xf101, createDigest(0x1012, root)).toString(), pieceSizeBytes: 32 * 2 ** height };
}
