import type { Deal } from '../domain/deal.ts';
import type { Reason } from '../domain/pin.ts';
import { formatSize } from '../domain/units.ts';
import { isBeforeChain } from './providers.ts';

/** What a wallet may still make verified deals with, and has promised to none. `no_client`: it never got any. */
export type Datacap = { freeBytes: bigint } | 'no_client' | 'unread';

/** What a deal will take of it: the chain does when it is published. */
export function datacapPromised({ state, datacapBytes = 0 }: Pick<Deal, 'state' | 'datacapBytes'>): bigint {
  return isBeforeChain({ state }) ? BigInt(datacapBytes) : 0n;
}

/** Less what was promised. */
export function freeDatacap(datacap: Datacap, promisedBytes: bigint): Datacap {
  if (typeof datacap === 'string') return datacap;
  return { freeBytes: datacap.freeBytes > promisedBytes ? datacap.freeBytes - promisedBytes : 0n };
}

/** A verified deal less. */
export function datacapAfter(datacap: Datacap | undefined, pieceSizeBytes: number): { datacap?: Datacap } {
  return datacap === undefined ? {} : { datacap: freeDatacap(datacap, BigInt(pieceSizeBytes)) };
}

/**
 * Why a verified deal about a piece of that size has to wait; undefined when it may be made, or the maker sees to that itself. It is never
 * made unverified instead: that would cost what nobody agreed to.
 */
export function lacksDatacap(
  pieceSizeBytes: number,
  datacap: Datacap | undefined,
  policyName: string,
): (Reason & { code: 'datacap_short' }) | undefined {
  if (datacap === undefined || (typeof datacap === 'object' && datacap.freeBytes >= BigInt(pieceSizeBytes))) return undefined;
  const text = `waiting for DataCap: policy ${policyName} wants verified deals, and this one takes ${formatSize(pieceSizeBytes)}; ${has(datacap)}`;
  return { code: 'datacap_short', text };
}

function has(datacap: Datacap): string {
  if (datacap === 'unread') return 'the Lotus node does not say how much the wallet has';
  if (datacap === 'no_client') return 'the wallet is no verified client';
  return `${sizeText(datacap.freeBytes)} are left that no deal was promised`;
}

function sizeText(bytes: bigint): string {
  return formatSize(Number(bytes));
}

/** What should be known before deals wait for it: the largest piece would not fit any more. */
export function datacapWarning(datacap: Datacap | undefined, pieceMaxBytes: number): Reason[] {
  if (datacap === undefined || datacap === 'unread') return [];
  if (typeof datacap === 'object' && datacap.freeBytes >= BigInt(pieceMaxBytes)) return [];
  const text = `DataCap: ${has(datacap)}, and a piece may take ${formatSize(pieceMaxBytes)}: ask an allocator for some, or set verified_deal = false`;
  return [{ code: 'datacap_low', text }];
}
