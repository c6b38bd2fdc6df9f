import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Transfers } from '../daemon/domain/transfer-port.ts';

/** What a token is good for: the bytes of this deal's piece, with zeros up to that size. */
export interface TransferClaim {
  dealId: string;
  servedBytes: number;
}

/** Makes tokens, and tells its own from others. Nothing is kept: a claim has the same token each time, until its secret changes. */
export interface TransferSigner {
  sign(claim: TransferClaim): string;
  verify(claim: TransferClaim, token: string): boolean;
}

/** Goes into the digest, so that nothing else that is ever signed with the secret can be taken for such a token. */
const VERSION = 'fbpd piece 1';

export function createTransferSigner(secret: Uint8Array): TransferSigner {
  const digest = ({ dealId, servedBytes }: TransferClaim): Buffer =>
    createHmac('sha256', secret).update([VERSION, dealId, servedBytes].join('\n')).digest();
  return {
    sign: (claim) => digest(claim).toString('base64url'),
    verify(claim, token) {
      const expected = digest(claim);
      const given = Buffer.from(token, 'base64url');
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

/** @param publicUrl - by which providers reach the API, without a slash at its end */
export function createTransfers(signer: TransferSigner, publicUrl: () => string): Transfers {
  return {
    offer(dealId, { carSizeBytes }, servedBytes) {
      if (servedBytes < carSizeBytes) throw new RangeError(`${servedBytes} bytes are less than the CAR's ${carSizeBytes}`);
      return {
        url: `${publicUrl()}/v1/pieces/${encodeURIComponent(dealId)}/${servedBytes}`,
        headers: { Authorization: `Bearer ${signer.sign({ dealId, servedBytes })}` },
        sizeBytes: servedBytes,
      };
    },
  };
}
