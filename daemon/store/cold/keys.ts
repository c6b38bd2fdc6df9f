import type { BudgetDay, WaitingContent } from '../../domain/cold-store-port.ts';
import { under } from '../pins/keys.ts';

/**
 * Where everything about cold copies lies in the store. Times are milliseconds padded to 15 digits, epochs and days are
 * padded to 12, so that they sort.
 *
 * | key | value | what |
 * |---|---|---|
 * | `j/<piece>` | `StoredPiece` | a piece without its members; rewritten by every change of it. Counted |
 * | `jm/<piece>` | {@link MembersRecord} | its members; rewritten only when they change |
 * | `js/<created>/<piece>` | `{}` | its CAR is still to be built |
 * | `jc/<epoch>/<piece>` | `{}` | `create` looks at it then |
 * | `jr/<epoch>/<piece>` | `{}` | `renew` looks at it then |
 * | `d/<deal>` | `StoredDeal` | a deal. Counted |
 * | `dp/<piece>/<created>/<deal>` | `{}` | the deals of a piece, whatever became of them |
 * | `de/<epoch>/<deal>` | `{}` | `verify` looks at it then |
 * | `dl/<provider>/<deal>` | `{}` | live deals by provider |
 * | `da/<deal>` | `{}` | it is `active`: what samples are drawn from |
 * | `s/<provider>` | `StoredProvider` | a provider. Counted |
 * | `sc/<provider>` | `StoredCandidate` | somebody that a scan has found |
 * | `m/<day>` | `StoredDay` | what was promised on a day |
 * | `me/<number>` | `StoredEscrowLine` | a line of the book of the escrow; never rewritten |
 * | `n/<content>` | {@link ContentRecord} | the pieces that hold a content, and what it waits for |
 * | `nw/<policy>/<since>/<content>` | `{}` | it waits for a piece of this policy |
 * | `l/<content>` | `{}` | its cold side is to be looked at; written by the pin store (`pins/cold-list.ts`) |
 * | `v/totals` | `StoredTotals` | sums over pieces and deals, and how far the spend log goes; in every commit that changes them |
 * | `v/breaker` | `Breaker` | nothing is spent |
 * | `v/chain` | `ChainMemory` | the chain this store belongs to |
 * | `v/escrow` | `StoredEscrowBook` | wallet, escrow, and the message under way; what `me/` adds up to |
 * | `v/scan` | `ScanMark` | how far the last scan came |
 * | `v/drill` | `DrillReport` | what the last restore drill found (`drill-report.ts`) |
 * | `v/listed` | `ListedRecord` (`pins/list-held.ts`) | the pin store keeps `l/`, and has listed what was held before it began to |
 *
 * `js jc jr dp de dl da nw` are lists derived from their records, written in the same commit (`indexes.ts`).
 */
export const coldKeys = {
  piece: (pieceId: string) => `j/${pieceId}`,
  members: (pieceId: string) => `jm/${pieceId}`,
  sealed: (createdMs: number, pieceId: string) => `js/${padMs(createdMs)}/${pieceId}`,
  duePiece: (queue: 'create' | 'renew', epoch: number, pieceId: string) => `${DUE_TYPES[queue]}/${padEpoch(epoch)}/${pieceId}`,
  deal: (dealId: string) => `d/${dealId}`,
  dealOfPiece: (pieceId: string, createdMs: number, dealId: string) => `dp/${pieceId}/${padMs(createdMs)}/${dealId}`,
  dueDeal: (epoch: number, dealId: string) => `${DUE_TYPES.deals}/${padEpoch(epoch)}/${dealId}`,
  liveDeal: (providerId: string, dealId: string) => `dl/${providerId}/${dealId}`,
  activeDeal: (dealId: string) => `da/${dealId}`,
  provider: (providerId: string) => `s/${providerId}`,
  candidate: (providerId: string) => `sc/${providerId}`,
  day: (day: BudgetDay['day']) => `m/${padEpoch(day)}`,
  content: (contentKey: string) => `n/${contentKey}`,
  waiting: ({ policy, sinceMs, contentKey }: Pick<WaitingContent, 'policy' | 'sinceMs' | 'contentKey'>) =>
    `${waitingUnder(policy).gte}${padMs(sinceMs)}/${contentKey}`,
  listed: (contentKey: string) => `l/${contentKey}`,
  totals: 'v/totals',
  breaker: 'v/breaker',
  chain: 'v/chain',
  escrow: 'v/escrow',
  escrowLine: (number: number) => `me/${padEpoch(number)}`,
  scan: 'v/scan',
  listing: 'v/listed',
};

/** Lists ordered by the epoch at which something is due, and their types. */
export const DUE_TYPES = { create: 'jc', renew: 'jr', deals: 'de' } as const;
export type DueList = keyof typeof DUE_TYPES;

/** `n/…`. */
export interface ContentRecord {
  waiting?: WaitingContent;
  /** Ids, oldest first. */
  pieces: readonly string[];
}

/** Names of policies come from a config and may hold anything. */
export function waitingUnder(policy: string): { gte: string; lt: string } {
  return under('nw', encodeURIComponent(policy));
}

/** Of that list, everything that is due at or before the epoch. */
export function dueUntil(list: DueList, epoch: number): string {
  return `${DUE_TYPES[list]}/${padEpoch(Math.floor(epoch) + 1)}`;
}

/** The last segment: what an entry of a list is about. */
export function subjectOfKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

const MS_DIGITS = 15;
const EPOCH_DIGITS = 12;

function padMs(timeMs: number): string {
  return pad(timeMs, MS_DIGITS);
}

/** What was due before genesis is due at genesis. */
function padEpoch(epoch: number): string {
  return pad(Math.max(0, epoch), EPOCH_DIGITS);
}

function pad(number: number, digits: number): string {
  if (!Number.isSafeInteger(number) || number < 0) throw new TypeError(`store: ${number} cannot be part of a key`);
  return String(number).padStart(digits, '0');
}
