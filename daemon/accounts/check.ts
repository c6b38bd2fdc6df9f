import { SCOPES, type Scope } from '../domain/account.ts';
import { FbpdError } from '../domain/errors.ts';

const ACCOUNT_NAME = /^[a-z0-9._-]{1,64}$/;
/** What the gateway serves to everybody is counted on this one. */
const RESERVED_NAME = 'public';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_TOKEN_NAME_LENGTH_CHARS = 64;

/** @throws FbpdError `BAD_REQUEST`. */
export function checkAccountName(name: string): void {
  if (!ACCOUNT_NAME.test(name)) {
    throw badRequest('name', `${JSON.stringify(name.slice(0, 80))} cannot be an account's name: it takes 1 to 64 of a-z 0-9 . _ -`);
  }
  if (name === RESERVED_NAME) {
    throw badRequest('name', `${name} is the name of what is served without a token; choose another name`);
  }
  if (UUID.test(name)) throw badRequest('name', `${name} looks like an account's id; choose another name`);
}

/** @throws FbpdError `BAD_REQUEST`. */
export function checkToken(options: { name: string; scopes: readonly Scope[]; expiresMs?: number }, nowMs: number): void {
  const { name, scopes, expiresMs } = options;
  if (name.length === 0 || name.length > MAX_TOKEN_NAME_LENGTH_CHARS || /\p{Cc}/u.test(name)) {
    throw badRequest('name', `a token's name takes 1 to ${MAX_TOKEN_NAME_LENGTH_CHARS} printable characters`);
  }
  const unknown = scopes.find((scope) => !SCOPES.includes(scope));
  if (scopes.length === 0 || unknown !== undefined) {
    const problem = unknown === undefined ? 'a token without scopes could do nothing' : `there is no scope ${JSON.stringify(unknown)}`;
    throw badRequest('scopes', `${problem}; there are ${SCOPES.join(', ')}`);
  }
  if (expiresMs !== undefined && !(Number.isSafeInteger(expiresMs) && expiresMs > nowMs)) {
    throw badRequest('expires', 'a token must expire in the future');
  }
}

function badRequest(subject: string, message: string): FbpdError {
  return new FbpdError('BAD_REQUEST', `${subject}: ${message}`, { subject });
}
