import type { Content } from '../domain/content.ts';
import type { Reason } from '../domain/pin.ts';
import type { HotPolicy } from '../domain/policy.ts';

/** How full the hot tier is. */
export interface Fullness {
  /** What it holds, without what is to be deleted anyway. */
  usedBytes: number;
  /** What was let go and is not deleted yet. */
  goingBytes: number;
  capacityBytes: number;
  /** Parts of the capacity: above the first, copies are let go until no more than the second is used. */
  evictAbove: number;
  evictDownTo: number;
  disk: 'ok' | 'low' | 'full';
}

/** Of a disk on which too little is left, so much of what is held goes at a time. */
const SHARE_WHEN_DISK_IS_LOW = 0.05;

/** So many bytes are to be let go now; 0 for none. The disk is as low as before until what was let go last is deleted. */
export function planRoom({ usedBytes, goingBytes, capacityBytes, evictAbove, evictDownTo, disk }: Fullness): number {
  const over = usedBytes > evictAbove * capacityBytes ? usedBytes - evictDownTo * capacityBytes : 0;
  const share = disk === 'ok' ? 0 : usedBytes * SHARE_WHEN_DISK_IS_LOW - goingBytes;
  return Math.ceil(Math.max(over, share, 0));
}

/** A disk gives out no less: what is smaller than this frees next to nothing when it goes, and is as slow to come back as all else. */
const TINY_BYTES = 4_096;
/** So much tiny ones must free together, and such a part of what is wanted, or they stay. */
const TINY_TOGETHER_BYTES = 1024 * 1024;
const TINY_TOGETHER_SHARE = 0.01;

export function isTiny({ sizeBytes }: Pick<Content, 'sizeBytes'>): boolean {
  return sizeBytes !== undefined && sizeBytes < TINY_BYTES;
}

/** Whether tiny contents, so many of which may go, are to go for `neededBytes` that nothing else gives. */
export function planTiny(count: number, neededBytes: number): boolean {
  return count * TINY_BYTES >= Math.max(TINY_TOGETHER_BYTES, neededBytes * TINY_TOGETHER_SHARE);
}

/** What is known of the cold copies of a content. */
export interface ColdProof {
  /** Independent copies that the finalized chain has in a sector, of the piece that has most; of a cut content, of the part that has fewest. */
  active: number;
  /** One of them has given its bytes back, and not failed to since; of a cut content, one of each part. */
  isSampled: boolean;
  /** A deal of it is on its way, whose provider may still fetch the blocks from here. */
  isFetched: boolean;
  /** It waits for a piece, or for one to be built, which is made of its hot blocks. */
  isAwaited: boolean;
}

/** Why a hot copy has to stay; `unsampled` is a matter of asking a provider for its bytes. */
export type StayReason = 'not_ours' | 'too_few_copies' | 'unsampled' | 'being_fetched' | 'awaited' | 'read_lately';

/**
 * What was read, or fetched back for a reader, stays so long whatever `after_idle` says: a page is read in more than one request,
 * and each fetch may cost money, and a provider minutes.
 */
const READ_STAY_MS = 60_000;

/**
 * Whether a hot copy may go: what is left must be proven, and it must not have been read a moment ago. Undefined when it may.
 * A content that nobody is known to have read counts from when it was asked for; a time that lies ahead was written down by a
 * clock that went wrong, and says nothing.
 */
export function planStay(
  content: Pick<Content, 'hot' | 'owner' | 'wantedSinceMs'>,
  proof: ColdProof,
  { enabled, evict }: HotPolicy,
  idleMs: number | undefined,
  nowMs: number,
): StayReason | undefined {
  if (content.hot !== 'pinned' || content.owner !== 'ours') return 'not_ours';
  if (proof.active < evict.minActive) return 'too_few_copies';
  if (!proof.isSampled) return 'unsampled';
  if (proof.isFetched) return 'being_fetched';
  if (proof.isAwaited) return 'awaited';
  if (!enabled) return undefined;
  if (idleMs !== undefined) return idleMs < Math.max(evict.afterIdleMs, READ_STAY_MS) ? 'read_lately' : undefined;
  const waitedMs = nowMs - content.wantedSinceMs;
  return waitedMs >= 0 && waitedMs < evict.afterIdleMs ? 'read_lately' : undefined;
}

/** What is to be done for a content without a hot copy. */
export type ColdCare =
  | 'nothing'
  /** Too few cold copies are left, or a provider comes for a further one: one is made hot again, while there are any. */
  | 'warm'
  /** None is left, and none is on its way: nobody has it any more. */
  | 'lost';

export function planCare(proof: { active: number; pending: number; isFetched: boolean }, { evict }: HotPolicy): ColdCare {
  if (proof.active === 0 && proof.pending === 0) return 'lost';
  // Also where no hot copy is wanted beside proven ones: these are not.
  return proof.active < evict.minActive || proof.isFetched ? 'warm' : 'nothing';
}

/** What `planTier` goes by. */
export interface TierInput {
  content: Pick<Content, 'hot' | 'owner' | 'wantedSinceMs' | 'sizeBytes'>;
  proof: ColdProof;
  policy: HotPolicy;
  idleMs: number | undefined;
  /** Among the hot contents that were read; undefined when nobody is known to have read it. */
  standing: { goesAfter: number; tracked: number } | undefined;
  capacityBytes: number;
  nowMs: number;
}

/** Why a content is hot or cold, and what would change that. */
export function planTier({ content, proof, policy, idleMs, standing, capacityBytes, nowMs }: TierInput): Reason {
  if (content.hot === 'cold')
    return { code: 'let_go', text: `its hot copy was let go, as ${proof.active} cold ones are active; it is fetched back when it is read` };
  if (content.hot !== 'pinned') return { code: 'not_held', text: 'it is not held' };
  const stays = planStay(content, proof, policy, idleMs, nowMs);
  if (stays !== undefined) return { code: stays, text: STAYS[stays](proof, policy) };
  if (!policy.enabled) return { code: 'going', text: 'it goes with the next pass: its policy wants no hot copy beside proven cold ones' };
  if (!Number.isFinite(capacityBytes))
    return { code: 'roomy', text: 'it stays: hot.capacity is not set, so hot copies go only when the disk is short of room' };
  if (isTiny(content))
    return { code: 'tiny', text: 'it stays: it is so small that it frees nothing; it goes last, and with many like it or not at all' };
  const place =
    standing === undefined
      ? 'nobody is known to have read it, so it goes among the first'
      : `${standing.goesAfter} of ${standing.tracked} contents that were read go before it, and all that were not`;
  return { code: 'may_go', text: `it may go when room is needed; ${place}` };
}

const STAYS: Readonly<Record<StayReason, (proof: ColdProof, policy: HotPolicy) => string>> = {
  not_ours: () => "it stays: the pin in the hot tier is somebody else's",
  too_few_copies: ({ active }, { evict }) => `it stays: ${active} cold copies are active, ${evict.minActive} must be before it may go`,
  unsampled: () => 'it stays until a provider has given its bytes back',
  being_fetched: () => 'it stays while a further deal is on its way: the provider fetches it from here',
  awaited: () => 'it stays until the piece is built that it is to join',
  read_lately: () => 'it stays for now: it was read, or asked for, a short while ago',
};
