import { createPrivateKey, createPublicKey } from 'node:crypto';

import { multiaddr } from '@multiformats/multiaddr';
import { base58btc } from 'multiformats/bases/base58';

import { bytesOf } from './cids.ts';
import { keyOf } from './keys.ts';
import type { Mk12Style, ProviderInfo, ProviderOptions } from './provider.ts';

const FIRST_MINER = 1_000;
const FIRST_OWNER = 2_000;
const SECTOR_BYTES = 8 << 20;
const PRICE = 500_000_000n;
const PRICE_STEP = 100_000_000n;
const MIN_PIECE_BYTES = 256;
const STYLES: readonly Mk12Style[] = ['boost', 'curio', 'both'];
/** What goes before the seed of an Ed25519 key in PKCS #8. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const COUNTRIES = ['DE', 'FR', 'NL', 'PL', 'SE', 'IT', 'ES'] as const;

export function multiaddrBytes(text: string): Uint8Array {
  return multiaddr(text).bytes;
}

/** An Ed25519 key, seed and public key, that is the same for the same seed. */
function peerKeyOf(seed: string): Uint8Array {
  const secret = bytesOf(`${seed}/peer`, 32);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, secret]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.concat([secret, Buffer.from(x, 'base64url')]);
}

/** The peer ID that belongs to that seed. */
export function peerIdOf(seed: string): string {
  return base58btc.baseEncode(Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...peerKeyOf(seed).subarray(32)]));
}

/** The provider that `options` describe, the rest made up so that no two share an owner, a peer or an address. */
export function providerInfo(seed: string, index: number, options: ProviderOptions): ProviderInfo {
  const { id = `f0${FIRST_MINER + index}`, owner = `f0${FIRST_OWNER + index}`, sectorSizeBytes = SECTOR_BYTES } = options;
  const price = PRICE + PRICE_STEP * BigInt(index);
  return {
    id,
    owner,
    worker: options.worker ?? owner,
    beneficiary: options.beneficiary ?? owner,
    peerId: options.peerId ?? peerIdOf(`${seed}/${id}`),
    // Those that it really listens at, once it does.
    multiaddrs: options.multiaddrs ?? [],
    country: options.country ?? COUNTRIES[index % COUNTRIES.length] ?? 'DE',
    ask: {
      price,
      verifiedPrice: price / 10n,
      minPieceSizeBytes: MIN_PIECE_BYTES,
      maxPieceSizeBytes: sectorSizeBytes,
      ...options.ask,
    },
    mk12: options.mk12 ?? STYLES[index % STYLES.length] ?? 'boost',
    sectorSizeBytes,
    retrievalPricePerByte: options.retrievalPricePerByte ?? 0n,
    ...(options.allow === undefined ? {} : { allow: options.allow }),
    workerKey: keyOf(`${seed}/worker ${options.worker ?? owner}`),
    peerKey: peerKeyOf(`${seed}/${id}`),
  };
}
