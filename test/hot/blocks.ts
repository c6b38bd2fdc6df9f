import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';
import { identity } from 'multiformats/hashes/identity';
import { sha256 } from 'multiformats/hashes/sha2';

export const RAW = 0x55;
export const DAG_PB = 0x70;
export const DAG_CBOR = 0x71;

/** A dag-pb node with nothing but links, by hand so that wrong ones can be made as well. */
export function dagPbNode(links: readonly { cid: CID; tsize?: number }[]): Uint8Array {
  const parts = links.map(({ cid, tsize = 0 }) => {
    const link = [field(1, cid.bytes), field(2, new Uint8Array()), Uint8Array.of(0x18, ...varint(tsize))];
    return field(2, Buffer.concat(link));
  });
  return Buffer.concat(parts);
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of((number << 3) | 2, ...varint(bytes.length)), bytes]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}

/** A dag-cbor list of at most 23 links. */
export function dagCborList(links: readonly CID[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x80 | links.length), ...links.map(cborLink)]);
}

/** Tag 42 around the bytes of the CID, with a zero before them; dag-cbor wants lengths as short as can be. */
function cborLink({ bytes }: CID): Uint8Array {
  const length = bytes.length + 1;
  return Uint8Array.of(0xd8, 0x2a, ...(length < 24 ? [0x40 | length] : [0x58, length]), 0x00, ...bytes);
}

export async function cidOf(bytes: Uint8Array, codec: number): Promise<CID> {
  return CID.createV1(codec, await sha256.digest(bytes));
}

export function identityCid(bytes: Uint8Array, codec = RAW): CID {
  return CID.createV1(codec, createDigest(identity.code, bytes));
}
