import type { IncomingMessage } from 'node:http';

import type { Account } from '../daemon/domain/account.ts';
import type { Accounts, Clock } from '../daemon/domain/ports.ts';
import type { Clients } from './address.ts';
import type { Auth } from './auth.ts';
import { insufficientScope, linkRefused } from './errors.ts';
import type { Asked, LinkParameters } from './gateway-request.ts';
import type { LinkSigner } from './links.ts';

/** Who reads, and on whose account. */
export interface Reader {
  kind: 'token' | 'link' | 'public';
  accountId: string;
}

export interface ReadersOptions {
  auth: Auth;
  accounts: Accounts;
  clients: Clients;
  signer: LinkSigner;
  clock: Clock;
  /** Whether nobody in particular may read, too. */
  isPublic: boolean;
}

/** The built-in account on which everybody reads. No account that is made can have this name, and ids are UUIDs. */
const PUBLIC_ACCOUNT = 'public';

/**
 * Finds out who reads: by the signature of the link, by a token, or, where that is allowed, nobody in particular. A good link
 * opens whatever token comes along, as a browser or a proxy may add one of somebody else; beside a link that is refused a token
 * still counts. A token or signature that is wrong is refused also where none is needed, as whoever sent it believes to be
 * somebody.
 *
 * The function rejects with 401, 403 or 429.
 */
export function createReaders(options: ReadersOptions): (ctx: { req: IncomingMessage }, asked: Asked) => Promise<Reader> {
  const { auth, clients, isPublic } = options;
  return async (ctx, { contentKey, link }) => {
    const header = ctx.req.headers.authorization;
    const hasToken = header !== undefined && header !== '';
    const opened = link === undefined ? undefined : await byLink(options, contentKey, link);
    if (opened !== undefined && 'accountId' in opened) {
      auth.admit(opened.accountId);
      return opened;
    }
    if (opened !== undefined && !hasToken) {
      const refused = linkRefused(opened.refused);
      throw opened.isForged ? auth.refusal(ctx.req, refused) : refused;
    }
    if (!hasToken && isPublic) {
      auth.admit(`address ${clients.keyOf(ctx.req)}`);
      return { kind: 'public', accountId: PUBLIC_ACCOUNT };
    }
    const { account, token } = await auth.identify(ctx);
    if (!token.scopes.includes('retrieve')) throw insufficientScope('retrieve');
    return { kind: 'token', accountId: account.id };
  };
}

interface Refused {
  refused: string;
  /** Nobody made it here, so that guessing is slowed down. */
  isForged: boolean;
}

async function byLink({ accounts, signer, clock }: ReadersOptions, contentKey: string, link: LinkParameters): Promise<Reader | Refused> {
  const expiresSeconds = /^\d{1,12}$/.test(link.expires) ? Number(link.expires) : 0;
  const claim = { accountId: link.account, contentKey, expiresSeconds };
  if (!signer.verify(claim, link.signature))
    return { refused: 'the signature of this link does not fit it; was it copied whole?', isForged: true };
  if (expiresSeconds * 1000 <= clock.nowMs()) return { refused: 'this link has expired', isForged: false };
  const account = await accountBehind(accounts, link.account);
  if (account?.state !== 'active') return { refused: 'this link is no longer good', isForged: false };
  return { kind: 'link', accountId: account.id };
}

/** By id alone: an account may be named like the id of one that is gone. */
async function accountBehind(accounts: Accounts, id: string): Promise<Account | undefined> {
  const found = await accounts.find(id).catch(() => undefined);
  return found?.id === id ? found : undefined;
}
