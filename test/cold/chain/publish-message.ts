import { encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { addressBytes } from '../../../daemon/cold/chain/address.ts';

const PIECE = CID.parse('baga6ea4seaqdtkumidcuhrma7tfhltmfwu65sbqpp57rzjqvcofzmkqgzfrxidi');

/** Parameters and return value of a publish message, base64; proposals are told apart by their start epochs. */
export function publishMessage(
  startEpochs: readonly number[],
  valid: readonly boolean[],
  ids: readonly number[],
): { params: string; returned: string } {
  const client = addressBytes('f1ch3k3dwffiuyjk5k7v6dwulfan4fyidsc4lgg4i');
  const provider = addressBytes('f01234');
  const none = new Uint8Array(0);
  const deals = startEpochs.map((start) => [
    [PIECE, 1024, false, client, provider, 'label', start, start + 100, none, none, none],
    Uint8Array.of(1, 2, 3),
  ]);
  return { params: base64(encode([deals])), returned: base64(encode([ids, writeRlePlus(valid)])) };
}

/** RLE+, plainly: every run in the shortest form that can hold it. */
export function writeRlePlus(bits: readonly boolean[]): Uint8Array {
  const out = [0, 0, bits[0] === true ? 1 : 0];
  for (let at = 0; at < bits.length; ) {
    const end = bits.findIndex((bit, index) => index > at && bit !== bits[at]);
    const length = (end === -1 ? bits.length : end) - at;
    out.push(...runBits(length));
    at += length;
  }
  const bytes = new Uint8Array(Math.ceil(out.length / 8));
  for (const [index, bit] of out.entries()) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (bit << (index & 7));
  return bytes;
}

function runBits(length: number): number[] {
  if (length === 1) return [1];
  if (length < 16) return [0, 1, ...lowBits(length, 4)];
  const bits = [0, 0];
  let left = length;
  for (; left >= 128; left = Math.floor(left / 128)) bits.push(...lowBits((left % 128) + 128, 8));
  return [...bits, ...lowBits(left, 8)];
}

function lowBits(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => (value >> at) & 1);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
