import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import type { PinRequest } from '../daemon/domain/pin.ts';
import { printable } from './errors.ts';
import { MAX_ORIGINS, usableOrigins } from './origins.ts';
import { badField, type Validators } from './validate.ts';

export interface PinRequestOptions {
  validators: Validators;
  /** Whether origins in private ranges and on loopback may be dialled. */
  allowPrivateOrigins: boolean;
}

/**
 * The body of `POST /pins` as a domain value. Fields that the specification does not know are dropped.
 *
 * @throws FbpdError `BAD_REQUEST` naming the field.
 */
export function toPinRequest(body: unknown, options: PinRequestOptions): PinRequest {
  const sent = allOrigins(body);
  const pin = options.validators.pin(sent === undefined ? body : { ...(body as object), origins: sent.slice(0, MAX_ORIGINS) });
  const request: PinRequest = {
    cid: pin.cid,
    contentKey: contentKeyOf(parseCid(pin.cid)),
    origins: usableOrigins(sent ?? pin.origins ?? [], options.allowPrivateOrigins),
  };
  if (pin.name !== undefined) request.name = pin.name;
  if (pin.meta !== undefined) {
    checkPolicy(pin.meta);
    request.meta = pin.meta;
  }
  return request;
}

/** All strings of an `origins` that is longer than the specification allows, as kubo's sometimes is; else undefined. */
function allOrigins(body: unknown): string[] | undefined {
  if (typeof body !== 'object' || body === null || !('origins' in body) || !Array.isArray(body.origins)) return undefined;
  const origins: unknown[] = body.origins;
  if (origins.length <= MAX_ORIGINS) return undefined;
  if (!origins.every((origin) => typeof origin === 'string')) throw badField('origins', 'must be an array of strings');
  return origins;
}

/** Policies come later; until then there is one, and asking for another must not look as if it had been granted. */
function checkPolicy(meta: Readonly<Record<string, string>>): void {
  const policy = meta.vendor_policy;
  if (policy === undefined || policy === 'default') return;
  throw badField('meta.vendor_policy', `names no policy of this service; there is only "default"; got ${printable(policy)}`);
}
