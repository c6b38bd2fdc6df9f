import { randomBytes } from 'node:crypto';
import type { CID } from 'multiformats/cid';
import { HotError } from '../domain/ports.ts';
import type { BlockIntake } from '../domain/retrieval-ports.ts';
import { cidOfReply, isIdentity } from './block-sizes.ts';
import { hotErrorOf } from './hot-errors.ts';
import { isRecord, type KuboRpc } from './kubo-rpc.ts';

const PUT_DEADLINE_MS = 30_000;
const ASK_DEADLINE_MS = 10_000;
/** kubo lists as many as its fetches wait for: some hundred searches, each for some dozens at most. */
const WANTLIST_BYTES_MAX = 16 * 1024 * 1024;

/** kubo's names of codecs, by multicodec: those whose blocks it takes. */
const CODECS = new Map([
  [0x51, 'cbor'],
  [0x55, 'raw'],
  [0x70, 'dag-pb'],
  [0x71, 'dag-cbor'],
  [0x72, 'libp2p-key'],
  [0x78, 'git-raw'],
  [0x85, 'dag-jose'],
  [0x0129, 'dag-json'],
  [0x0200, 'json'],
]);

/** And of hash functions. */
const HASHES = new Map([
  [0x11, 'sha1'],
  [0x12, 'sha2-256'],
  [0x13, 'sha2-512'],
  [0x14, 'sha3-512'],
  [0x15, 'sha3-384'],
  [0x16, 'sha3-256'],
  [0x17, 'sha3-224'],
  [0x1a, 'keccak-224'],
  [0x1b, 'keccak-256'],
  [0x1c, 'keccak-384'],
  [0x1d, 'keccak-512'],
  [0x1e, 'blake3'],
  [0x56, 'dbl-sha2-256'],
]);
const BLAKE2B = { first: 0xb201, last: 0xb240 };
const BLAKE2S = { first: 0xb241, last: 0xb260 };

/**
 * Blocks into kubo by `block/put`, which wakes a gateway request that waits for one: `dag/import` does not. It wakes those
 * alone that wait for the very CID, so a block that is asked for as CIDv0 and as CIDv1 is put in under both.
 */
export function createBlockIntake(rpc: KuboRpc): BlockIntake {
  return {
    async put(cid, bytes, signal) {
      if (isIdentity(cid)) return;
      try {
        const reply = await rpc.call('block/put', putParams(cid), { deadlineMs: PUT_DEADLINE_MS, signal, body: oneFile(bytes) });
        const key = isRecord(reply) && typeof reply.Key === 'string' ? cidOfReply(reply.Key) : undefined;
        if (key === undefined || !key.equals(cid)) throw new HotError('refused', `storing ${cid}: kubo stored it as ${key ?? 'nothing'}`);
      } catch (error) {
        throw hotErrorOf(error, `storing the block ${cid}`);
      }
    },
    async wanted(signal) {
      try {
        const options = { deadlineMs: ASK_DEADLINE_MS, replyBytesMax: WANTLIST_BYTES_MAX, signal };
        const reply = await rpc.call('bitswap/wantlist', {}, options);
        const keys = isRecord(reply) && Array.isArray(reply.Keys) ? reply.Keys : [];
        return keys.flatMap((key: unknown) => (isRecord(key) && typeof key['/'] === 'string' ? [cidOfReply(key['/'])] : []));
      } catch (error) {
        throw hotErrorOf(error, 'asking which blocks are waited for');
      }
    },
    async has(cid, signal) {
      if (isIdentity(cid)) return true;
      try {
        await rpc.call('block/stat', { arg: cid.toString(), offline: true }, { deadlineMs: ASK_DEADLINE_MS, signal });
        return true;
      } catch (error) {
        const hotError = hotErrorOf(error, `looking for the block ${cid}`);
        if (hotError.failure === 'stalled') return false;
        throw hotError;
      }
    },
  };
}

function putParams(cid: CID): Readonly<Record<string, string | number | boolean>> {
  // Larger ones than kubo takes of peers were taken in once, when their content was pinned, or it could not be here now.
  const common = { 'allow-big-block': true, pin: false };
  if (cid.version === 0) return { ...common, format: 'v0' };
  const codec = CODECS.get(cid.code);
  const hash = hashName(cid.multihash.code);
  if (codec === undefined || hash === undefined)
    throw new HotError('invalid', `storing ${cid}: kubo takes no blocks of its codec or its hash function`);
  return { ...common, 'cid-codec': codec, mhtype: hash, mhlen: cid.multihash.size };
}

function hashName(code: number): string | undefined {
  if (code >= BLAKE2B.first && code <= BLAKE2B.last) return `blake2b-${8 * (code - BLAKE2B.first + 1)}`;
  if (code >= BLAKE2S.first && code <= BLAKE2S.last) return `blake2s-${8 * (code - BLAKE2S.first + 1)}`;
  return HASHES.get(code);
}

/** A form with one file in it. */
function oneFile(bytes: Uint8Array): { contentType: string; parts: readonly Uint8Array[] } {
  const boundary = randomBytes(24).toString('hex');
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="block"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    parts: [Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)],
  };
}
