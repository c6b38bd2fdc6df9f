import type { Account, Token } from '../daemon/domain/account.ts';
import type { Content } from '../daemon/domain/content.ts';
import type { Pin, PinStatus } from '../daemon/domain/pin.ts';
import type { FetchView } from '../daemon/domain/ports.ts';
import type { components } from '../spec/fbpd.ts';
import { tierOf } from './render.ts';
import { formatTimestamp } from './timestamps.ts';

type Schemas = components['schemas'];

/** A pin of any account, with the account's name. Rejects with `NOT_FOUND`. */
export type FindPin = (requestId: string | undefined) => Promise<{ pin: Pin; account: string }>;

export function renderAccount(account: Account, pins: Readonly<Record<PinStatus, number>>, tokens: number): Schemas['Account'] {
  const { id, name, state, createdMs } = account;
  return { id, name, state, created: formatTimestamp(createdMs), pins: { ...pins }, tokens };
}

export function renderToken(token: Token, accountName: string, nowMs: number): Schemas['Token'] {
  const { id, accountId, name, scopes, createdMs, expiresMs } = token;
  return {
    id,
    account: accountName,
    accountId,
    name,
    scopes: [...scopes],
    created: formatTimestamp(createdMs),
    ...(expiresMs === undefined ? {} : { expires: formatTimestamp(expiresMs) }),
    expired: expiresMs !== undefined && expiresMs <= nowMs,
  };
}

/** With what is known of its content, for which `hot` alone will do. */
export function renderPin(
  pin: Pin,
  accountName: string,
  known: { hot?: Content['hot'] | undefined; content?: Schemas['Content'] | undefined } = {},
): Schemas['Pin'] {
  const { content, hot = content?.hot } = known;
  const tier = pin.status === 'pinned' && hot !== undefined ? tierOf({ hot }) : undefined;
  const { requestId, accountId, cid, status, createdMs, name, meta, reason } = pin;
  return {
    requestId,
    account: accountName,
    accountId,
    cid,
    ...(name === undefined ? {} : { name }),
    ...(meta === undefined ? {} : { meta: { ...meta } }),
    status,
    ...(tier === undefined ? {} : { tier }),
    created: formatTimestamp(createdMs),
    ...(reason === undefined ? {} : { reason: { ...reason } }),
    ...(content === undefined ? {} : { content }),
  };
}

export function renderContent(content: Content, fetches: FetchView, nowMs: number): Schemas['Content'] {
  const { key, pins, hot, owner, sizeBytes, blocks, attempts, notBeforeMs } = content;
  const progress = hot === 'wanted' ? fetches.progress(key) : undefined;
  const waits = hot === 'wanted' && progress === undefined && notBeforeMs > nowMs;
  return {
    cid: key,
    pins,
    hot,
    owner,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(blocks === undefined ? {} : { blocks }),
    attempts,
    ...(waits ? { nextAttempt: formatTimestamp(notBeforeMs) } : {}),
    ...(progress === undefined ? {} : { progress: { blocks: progress.blocks, bytes: progress.bytes } }),
  };
}
