import { rawKeyOf } from '../../domain/cid.ts';
import type { PinEvent } from '../../domain/pin.ts';

/**
 * Where everything about pins lies in the store. Times are milliseconds, padded to 15 digits so that they sort.
 *
 * | key | value | what |
 * |---|---|---|
 * | `p/<account>/<created>` | {@link PinRecord} | a pin; never rewritten. Counted |
 * | `x/<account>/<created>` | bytes, `roster-entry.ts` | what filters need of the pin, loaded into memory at open. Counted |
 * | `r/<requestId>` | {@link PinAddress} | where the pin is |
 * | `c/<content>/<account>/<created>` | `{}` | the pins that name a content |
 * | `o/<content>` | `StoredContent` | one content; rewritten by every commit that touches anything of it. Counted |
 * | `w/<content>/<account>` | `Want` | an account's interest in a content that is not held |
 * | `q/<account>/<due>/<since>/<content>` | `{}` | the want is in its account's queue |
 * | `f/<content>` | `{}` | a fetch is under way |
 * | `u/<since>/<content>` | `{}` | the hot tier's pin is to be removed |
 * | `oc/<content>` | `{}` | it is held, but has no hot copy |
 * | `b/<content>` | {@link BlockRecord} | new pins of it are refused; by the CID of its bytes as raw, so that no other codec leads to them |
 * | `e/<content>` | {@link EventsRecord} | what happened to it, the newest 64 |
 * | `h/<account>` | `{ createdMs }` | `created` was given out up to here |
 * | `y/<account>/<created>` | bytes, `pack-codec.ts` | copies of many `x/` entries, from that `created` on |
 * | `z/<account>/<created>` | `{}` | the pin is in a pack, but gone |
 * | `k/roster` | 32 bytes | the secret of the hashes in `x/`, and in `i/` (`blocks/keys.ts`) |
 * | `k/links` | 32 bytes | the secret of signed links, `link-secret.ts` |
 *
 * A pin has no status of its own on disk: it is that of its content (`fate.ts`), so that a thousand pins of one CID
 * change together in one small commit and can't disagree after a crash. `q/`, `f/`, `u/` and `oc/` are lists derived from
 * `o/` and `w/`, written in the same commit (`fate-commit.ts`).
 */
export const keys = {
  pin: (accountId: string, createdMs: number) => `p/${accountId}/${pad(createdMs)}`,
  rosterEntry: (accountId: string, createdMs: number) => `x/${accountId}/${pad(createdMs)}`,
  request: (requestId: string) => `r/${requestId}`,
  holder: (contentKey: string, accountId: string, createdMs: number) => `c/${contentKey}/${accountId}/${pad(createdMs)}`,
  content: (contentKey: string) => `o/${contentKey}`,
  want: (contentKey: string, accountId: string) => `w/${contentKey}/${accountId}`,
  queued: (accountId: string, dueMs: number, sinceMs: number, contentKey: string) =>
    `q/${accountId}/${pad(dueMs)}/${pad(sinceMs)}/${contentKey}`,
  fetching: (contentKey: string) => `f/${contentKey}`,
  unpin: (sinceMs: number, contentKey: string) => `u/${pad(sinceMs)}/${contentKey}`,
  cold: (contentKey: string) => `oc/${contentKey}`,
  block: (contentKey: string) => `b/${rawKeyOf(contentKey)}`,
  events: (contentKey: string) => `e/${contentKey}`,
  highWater: (accountId: string) => `h/${accountId}`,
  pack: (accountId: string, firstMs: number) => `y/${accountId}/${pad(firstMs)}`,
  goneFromPack: (accountId: string, createdMs: number) => `z/${accountId}/${pad(createdMs)}`,
  rosterSecret: 'k/roster',
};

/** `p/…`. Account and `created` are in the key. */
export interface PinRecord {
  requestId: string;
  cid: string;
  contentKey: string;
  name?: string;
  meta?: Readonly<Record<string, string>>;
  /** The clock when it came, if `created` had to be another time. */
  acceptedMs?: number;
}

/** `r/…`. */
export interface PinAddress {
  accountId: string;
  createdMs: number;
}

/** `e/…`. Oldest first. */
export interface EventsRecord {
  events: readonly PinEvent[];
}

/** `b/…`. */
export interface BlockRecord {
  /** As it was named. */
  contentKey: string;
  note: string;
  atMs: number;
}

const TIME_DIGITS = 15;

function pad(timeMs: number): string {
  return timeMs.toString().padStart(TIME_DIGITS, '0');
}

/** Every key that begins with these segments and has more. */
export function under(...segments: readonly string[]): { gte: string; lt: string } {
  const prefix = segments.join('/');
  // `0` is the character after `/`.
  return { gte: `${prefix}/`, lt: `${prefix}0` };
}

/** The `createdMs` at the end of a `p/`, `x/` or `c/` key. */
export function createdOfKey(key: string): number {
  return Number(key.slice(-TIME_DIGITS));
}

/** The segment of that index; the type is 0. */
export function segmentOfKey(key: string, index: number): string {
  return key.split('/')[index] ?? '';
}

/** What a `q/` key says. */
export function parseQueuedKey(key: string): { accountId: string; dueMs: number; contentKey: string } {
  const [, accountId = '', due = '', , contentKey = ''] = key.split('/');
  return { accountId, dueMs: Number(due), contentKey };
}
