import type { Context, Middleware, ParameterizedContext } from 'koa';

import type { Caller, Scope } from '../daemon/domain/account.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Accounts, Clock } from '../daemon/domain/ports.ts';
import type { Clients } from './address.ts';
import { insufficientScope, tooManyRequests, unauthorized } from './errors.ts';
import { type ApiLimits, createTokenBuckets } from './limits.ts';

/** What the steps of one request leave for those after them. */
export interface ApiState {
  caller: Caller;
}

export interface Auth {
  /** Refuses with 401, 403 or 429 unless a good token of an active account came with the request. */
  identify(ctx: Context | ParameterizedContext<ApiState>): Promise<Caller>;
  /** A route's first step: {@link Auth.identify}, then 403 unless the token has the scope. */
  requires(scope: Scope): Middleware<ApiState>;
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

/** After a rest an account may send this many seconds' worth of requests at once. */
const BURST_SECONDS = 10;

export function createAuth(options: AuthOptions): Auth {
  const { accounts, clients, clock, limits } = options;
  const { requestsPerSecond, badTokensPerMinute } = limits;
  const requests = createTokenBuckets({ clock, perSecond: requestsPerSecond, burst: requestsPerSecond * BURST_SECONDS });
  const failures = createTokenBuckets({ clock, perSecond: badTokensPerMinute / 60, burst: badTokensPerMinute });

  // Good tokens of an address that also sends bad ones still work: they may be a neighbour's.
  function refuse(ctx: { req: Context['req'] }, why: string): never {
    const waitSeconds = failures.take(clients.keyOf(ctx.req));
    if (waitSeconds > 0) throw tooManyRequests('too many refused tokens from this address', waitSeconds);
    throw unauthorized(why);
  }

  async function identify(ctx: Context | ParameterizedContext<ApiState>): Promise<Caller> {
    const header = ctx.req.headers.authorization;
    if (header === undefined || header === '') refuse(ctx, 'there is no Authorization header; send Authorization: Bearer <token>');
    const secret = header.length > MAX_HEADER_LENGTH_CHARS ? undefined : BEARER.exec(header)?.[1];
    if (secret === undefined) refuse(ctx, 'the Authorization header is not of the form Bearer <token>');
    const caller = await accounts.authenticate(secret);
    if (caller === undefined) refuse(ctx, 'the token is unknown, revoked or expired');
    const waitSeconds = requests.take(caller.account.id);
    if (waitSeconds > 0) throw tooManyRequests(`more than ${requestsPerSecond} requests a second of this account`, waitSeconds);
    checkActive(caller);
    return caller;
  }

  return {
    identify,
    requires: (scope) => async (ctx, next) => {
      const caller = await identify(ctx);
      if (!caller.token.scopes.includes(scope)) throw insufficientScope(scope);
      ctx.state.caller = caller;
      await next();
    },
    async confirm({ account: { id }, token }) {
      const account = await accounts.find(id).catch(() => undefined);
      if (account === undefined) throw unauthorized('the account is gone');
      checkActive({ account, token });
    },
  };
}

function checkActive(caller: Caller): void {
  if (caller.account.state === 'suspended') {
    throw new FbpdError('ACCOUNT_SUSPENDED', 'the account is suspended; ask the operator of this service');
  }
  if (caller.account.state === 'deleting') throw new FbpdError('ACCOUNT_SUSPENDED', 'the account is being deleted');
}
