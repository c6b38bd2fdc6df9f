import { createHmac, timingSafeEqual } from 'node:crypto';

import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Clock, PinStore } from '../daemon/domain/ports.ts';
import { pathBelow } from './gateway-request.ts';
import { formatTimestamp } from './timestamps.ts';

/** What a link says: whoever has it may read this content, on account of this account, until then. */
export interface LinkClaim {
  accountId: string;
  contentKey: string;
  /** Unix time in whole seconds. */
  expiresSeconds: number;
}

/** Signs claims, and tells its own signatures from others. */
export interface LinkSigner {
  sign(claim: LinkClaim): string;
  verify(claim: LinkClaim, signature: string): boolean;
}

/** Goes into the signature, so that nothing else that is ever signed with the secret can be taken for a link. */
const VERSION = 'fbpd link 1';

/** Keys of accounts, contents and times have no line breaks, so no two claims have one text. */
export function createLinkSigner(secret: Uint8Array): LinkSigner {
  const digest = ({ accountId, contentKey, expiresSeconds }: LinkClaim): Buffer =>
    createHmac('sha256', secret).update([VERSION, accountId, contentKey, expiresSeconds].join('\n')).digest();
  return {
    sign: (claim) => digest(claim).toString('base64url'),
    verify(claim, signature) {
      const expected = digest(claim);
      const given = Buffer.from(signature, 'base64url');
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

export interface LinksOptions {
  signer: LinkSigner;
  pins: Pick<PinStore, 'standing'>;
  clock: Clock;
  /** Where readers reach the gateway: `https://gateway.example.org`. */
  gatewayUrl: () => string;
}

export interface NewLink {
  cid: string;
  path?: string;
  /** Default a day. */
  expiresInSeconds?: number;
}

const EXPIRES_IN_SECONDS = 86_400;

/**
 * Makes a link to what an account has pinned.
 *
 * @throws FbpdError `BAD_REQUEST`, `NOT_FOUND` when no pin of the account names it, `CID_BLOCKED`.
 */
export async function createLink(
  { signer, pins, clock, gatewayUrl }: LinksOptions,
  accountId: string,
  { cid, path = '', expiresInSeconds = EXPIRES_IN_SECONDS }: NewLink,
) {
  const contentKey = contentKeyOf(parseCid(cid));
  const steps = pathBelow(path);
  const { isPinned, isBlocked } = await pins.standing(contentKey, accountId);
  if (isBlocked) throw new FbpdError('CID_BLOCKED', 'the operator of this service has blocked this CID', { subject: 'cid' });
  if (!isPinned)
    throw new FbpdError('NOT_FOUND', 'no pin of this account names this CID; links can be made to what is pinned', { subject: 'cid' });
  const expiresSeconds = Math.floor(clock.nowMs() / 1000) + expiresInSeconds;
  const signature = signer.sign({ accountId, contentKey, expiresSeconds });
  const query = new URLSearchParams({ expires: String(expiresSeconds), account: accountId, signature });
  return { url: `${gatewayUrl()}/ipfs/${contentKey}${steps}?${query}`, expires: formatTimestamp(expiresSeconds * 1000) };
}
