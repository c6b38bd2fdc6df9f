import type { IncomingMessage } from 'node:http';

import type { Middleware } from 'koa';

import type { Account, Caller, Scope } from '../daemon/domain/account.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Accounts, Clock } from '../daemon/domain/ports.ts';
import type { Clients } from './address.ts';
import { type HttpError, insufficientScope, tooManyRequests, unauthorized } from './errors.ts';
import { type ApiLimits, createTokenBuckets } from './limits.ts';

/** What the steps of one request leave for those after them. */
export interface ApiState {
  caller: Caller;
}

export interface Auth {
  /** Refuses with 401, 403 or 429 unless a good token of an active account came with the request. */
  identify(ctx: { req: IncomingMessage }): Promise<Caller>;
  /** A route's first step: {@link Auth.identify}, then 403 unless the token has the scope. */
  requires(scope: Scope): Middleware<ApiState>;
  /** Takes one request of an account's, or of whatever else the key stands for. @throws HttpError 429 */
  admit(key: string): void;
  /** A refusal of what is as good as a token: counted for its address, and a 429 when there were too many. */
  refusal(req: IncomingMessage, error: HttpError): HttpError;
  /** @throws FbpdError `ACCOUNT_SUSPENDED` */
  confirmActive(account: Account): void;
  /** Again, for what took its time to arrive: 401 or 403 when the account is gone or may do nothing by now. */
  confirm(caller: Caller): Promise<void>;
}

export interface AuthOptions {
  accounts: Accounts;
  clients: Clients;
  clock: Clock;
  limits: ApiLimits;
}

// RFC 6750's b64token; the scheme is case-insensitive (RFC 9110).
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;
/** Longer than any token of ours: not worth a look. */
const MAX_HEADER_LENGTH_CHARS = 512;

/** The token in a request's Authorization header; undefined when there is none, or no token in it. */
export function bearerOf({ headers }: IncomingMessage): string | undefined {
  const { authorization } = headers;
  if (authorization === undefined || authorization.length > MAX_HEADER_LENGTH_CHARS) return undefined;
  return BEARER.exec(authorization)?.[1];
}

/** After a rest an account may send this many seconds' worth of requests at once. */
const BURST_SECONDS = 10;

export function createAuth(options: AuthOptions): Auth {
  const { accounts, clients, clock, limits } = options;
  const { requestsPerSecond, badTokensPerMinute } = limits;
  const requests = createTokenBuckets({ clock, perSecond: requestsPerSecond, burst: requestsPerSecond * BURST_SECONDS });
  const failures = createTokenBuckets({ clock, perSecond: badTokensPerMinute / 60, burst: badTokensPerMinute });

  // Good tokens of an address that also sends bad ones still work: they may be a neighbour's.
  function refusal(req: IncomingMessage, error: HttpError): HttpError {
    const waitSeconds = failures.take(clients.keyOf(req));
    return waitSeconds > 0 ? tooManyRequests('too many refused tokens from this address', waitSeconds) : error;
  }

  function refuse(ctx: { req: IncomingMessage }, why: string): never {
    throw refusal(ctx.req, unauthorized(why));
  }

  function admit(key: string): void {
    const waitSeconds = requests.take(key);
    if (waitSeconds > 0) throw tooManyRequests(`more than ${requestsPerSecond} requests a second of this account`, waitSeconds);
  }

  async function identify(ctx: { req: IncomingMessage }): Promise<Caller> {
    const header = ctx.req.headers.authorization;
    if (header === undefined || header === '') refuse(ctx, 'there is no Authorization header; send Authorization: Bearer <token>');
    const secret = bearerOf(ctx.req);
    if (secret === undefined) refuse(ctx, 'the Authorization header is not of the form Bearer <token>');
    const caller = await accounts.authenticate(secret);
    if (caller === undefined) refuse(ctx, 'the token is unknown, revoked or expired');
    admit(caller.account.id);
    checkActive(caller.account);
    return caller;
  }

  return {
    identify,
    admit,
    refusal,
    confirmActive: checkActive,
    requires: (scope) => async (ctx, next) => {
      const caller = await identify(ctx);
      if (!caller.token.scopes.includes(scope)) throw insufficientScope(scope);
      ctx.state.caller = caller;
      await next();
    },
    async confirm({ account: { id } }) {
      const account = await accounts.find(id).catch(() => undefined);
      if (account === undefined) throw unauthorized('the account is gone');
      checkActive(account);
    },
  };
}

function checkActive(account: Account): void {
  if (account.state === 'suspended') {
    throw new FbpdError('ACCOUNT_SUSPENDED', 'the account is suspended; ask the operator of this service');
  }
  if (account.state === 'deleting') throw new FbpdError('ACCOUNT_SUSPENDED', 'the account is being deleted');
}
