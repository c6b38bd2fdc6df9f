import { type Deal, LIVE_STATES } from '../../daemon/domain/deal.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import type { Pin } from '../../daemon/domain/pin.ts';
import type { ProviderOnChain } from '../../daemon/domain/provider.ts';
import { costOf } from './chain.ts';
import type { SimDaemon } from './daemon.ts';
import type { Reached } from './market.ts';
import { isTrulyActive, isTrulyLive } from './truth.ts';

/** What must hold after every step, whatever has happened. Throws with what does not. */
export async function checkInvariants(daemon: SimDaemon): Promise<void> {
  const deals = await collectDeals(daemon);
  await checkAccepted(daemon);
  await checkPinned(daemon);
  await checkHomes(daemon);
  checkRecorded(daemon, deals);
  checkCopies(daemon, deals);
  await checkMoney(daemon, deals);
  const { violations, world } = daemon;
  const breaker = daemon.cold.breaker()?.value;
  const isExplained = breaker?.code === 'losses' || (breaker?.code === 'store_older' && hiddenDeals(daemon, deals).length > 0);
  must(breaker?.by !== 'fbpd' || isExplained, `spending was stopped for no reason: ${breaker?.text}`);
  must(violations.length === 0, violations.join('; '));
  must(world.market.brokenTransfers.length === 0, `the bytes were gone when ${world.market.brokenTransfers[0]?.provider} came for them`);
}

export function must(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(text);
}

async function collectDeals({ cold }: SimDaemon): Promise<Map<string, Deal>> {
  const deals = new Map<string, Deal>();
  for await (const { value } of cold.deals()) deals.set(value.id, value);
  return deals;
}

/** Invariant 1: an accepted request is there until somebody asked for its removal. */
async function checkAccepted({ pins, accepted }: SimDaemon): Promise<void> {
  for (const [requestId, { accountId }] of accepted) {
    const found: Pin | undefined = await pins.get(accountId, requestId);
    must(found !== undefined, `accepted pin ${requestId} is gone`);
  }
}

/**
 * Invariant 2: `pinned` is held hot, or was and has cold copies that the record knows of; hot and cold are what the tier says.
 * Records of a piece may go before its contents are said to be lost: that it was proven once was seen by then.
 */
async function checkPinned({ pins, cold, accepted, world, proven }: SimDaemon): Promise<void> {
  for (const contentKey of new Set([...accepted.values()].map((pin) => pin.contentKey))) {
    const content = await pins.content(contentKey);
    if (content?.hot === 'pinned') must(world.hot.has(contentKey), `${contentKey} is said to be held hot, and is not`);
    if (content?.hot !== 'cold') continue;
    const pieces = await cold.piecesOf(contentKey);
    const ever = (await Promise.all(pieces.map(({ value }) => cold.dealsOf(value.id)))).flat();
    const isProven = ever.some(({ value }) => value.activeEvidence !== undefined);
    if (isProven) proven.add(contentKey);
    must(
      isProven || (pieces.length === 0 && proven.has(contentKey)),
      `${contentKey} has no hot copy, is said to be pinned, and no deal of it was ever active`,
    );
  }
}

/**
 * What is held is in a piece that copies are made of, waits for one, or is about to be looked at: whatever goes from piece to
 * piece meanwhile, it is never nowhere.
 */
async function checkHomes({ pins, cold, accepted, disk }: SimDaemon): Promise<void> {
  for (const contentKey of new Set([...accepted.values()].map((pin) => pin.contentKey))) {
    const content = await pins.content(contentKey);
    if (content?.hot !== 'pinned' && content?.hot !== 'cold') continue;
    const [{ waiting } = {}] = await cold.coldOf([contentKey]);
    if (waiting !== undefined || (await disk.get(`l/${contentKey}`)) !== undefined) continue;
    const pieces = (await cold.piecesOf(contentKey)).map(({ value }) => value);
    // What is cold and in no piece any more has lost every copy, and is about to be said so.
    if (content.hot === 'cold' && pieces.length === 0) continue;
    const isWanted = ({ members }: Piece) => members.some((member) => member.contentKey === contentKey && member.gone === undefined);
    must(
      pieces.some((piece) => piece.state !== 'retired' && isWanted(piece)),
      `${contentKey} is in no piece that copies are made of: ${pieces.map(({ id, state, next }) => `${id} ${state}, ${next.code}`)}`,
    );
  }
}

/** Invariant 3: what reached a provider was on disk before, once, and in the very words of the record. */
function checkRecorded({ world }: SimDaemon, deals: ReadonlyMap<string, Deal>): void {
  const byCid = new Map<string, Deal>();
  for (const deal of deals.values()) {
    must(!byCid.has(deal.proposalCid), `deals ${deal.id} and ${byCid.get(deal.proposalCid)?.id} are one proposal`);
    byCid.set(deal.proposalCid, deal);
  }
  for (const reached of world.market.reached.values()) {
    const deal = byCid.get(reached.cid);
    must(deal !== undefined, `${reached.provider} was sent a proposal for piece ${reached.pieceId} that nobody has recorded`);
    must(deal.id === reached.dealId && deal.sends > 0, `deal ${deal.id} was sent, and its record says ${deal.sends} sends`);
    must(deal.costAtto === costOf(reached), `deal ${deal.id} is booked with ${deal.costAtto}, and costs ${costOf(reached)}`);
    if (isHidden(world, deal, reached)) continue;
    const gaveUp = !(LIVE_STATES as readonly string[]).includes(deal.state) && isTrulyLive(world, reached);
    must(!gaveUp, `deal ${deal.id} is held to be ${deal.state}, and is alive with ${reached.provider} (${reached.state})`);
    if (deal.state === 'active') must(reached.publishCid !== undefined, `deal ${deal.id} is held to be active, and was never published`);
  }
}

/**
 * A provider that was asked itself never told that it was about to publish, and it went on the chain under an id that nobody
 * knows. Its locked money shows that there is something, and nothing is bought until somebody has looked.
 */
function isHidden(world: SimDaemon['world'], deal: Deal | undefined, reached: Reached): boolean {
  return world.options.maker === 'fetches' && deal?.state === 'failed' && deal.publishCid === undefined && isTrulyLive(world, reached);
}

function hiddenDeals({ world }: SimDaemon, deals: ReadonlyMap<string, Deal>): Reached[] {
  return [...world.market.reached.values()].filter((reached) => isHidden(world, deals.get(reached.dealId), reached));
}

/** Invariant 3: a failure domain has one copy of a piece, but for a renewal; and never are there more copies than paid for on purpose. */
function checkCopies({ world, config }: SimDaemon, deals: ReadonlyMap<string, Deal>): void {
  const live = [...world.market.reached.values()].filter((one) => isTrulyLive(world, one) && !isHidden(world, deals.get(one.dealId), one));
  for (const [pieceId, copies] of Map.groupBy(live, (one) => one.pieceId)) {
    const lasting = copies.filter(({ endEpoch }) => endEpoch > world.chain.headEpoch + config.policy.renewBeforeEpochs);
    const { target } = config.policy.replicas;
    must(
      lasting.length <= target + 1,
      `piece ${pieceId} has ${lasting.length} lasting copies, ${target} are wanted: ${copies.map(({ provider }) => provider)}`,
    );
    for (const [index, one] of copies.entries()) {
      for (const other of copies.slice(index + 1)) checkDomains(world.market.provider.bind(world.market), one, other, deals);
    }
  }
}

function checkDomains(
  provider: (id: string) => { onChain: ProviderOnChain },
  one: Reached,
  other: Reached,
  deals: ReadonlyMap<string, Deal>,
): void {
  if (!shareAnything(provider(one.provider).onChain, provider(other.provider).onChain)) return;
  const isRenewal = deals.get(one.dealId)?.replaces === other.dealId || deals.get(other.dealId)?.replaces === one.dealId;
  must(isRenewal, `piece ${one.pieceId} has two copies in one failure domain: ${one.provider} and ${other.provider}`);
}

/** Invariant 4 and the first half of the ledger: a day's budget, a deal's cap, and what the chain has locked. */
async function checkMoney({ world, cold, config }: SimDaemon, deals: ReadonlyMap<string, Deal>): Promise<void> {
  const spentOn = new Map<number, bigint>();
  for (const deal of deals.values()) {
    must(deal.costAtto <= config.budget.perDealAtto, `deal ${deal.id} costs ${deal.costAtto}, above the cap`);
    must(deal.costAtto >= 0n, `deal ${deal.id} costs less than nothing`);
    const reached = world.market.reached.get(deal.proposalCid);
    const isSpent = deal.state !== 'rejected' || (reached !== undefined && reached.publishCid !== undefined);
    if (isSpent) spentOn.set(deal.budgetDay, (spentOn.get(deal.budgetDay) ?? 0n) + deal.costAtto);
  }
  for (const [day, atto] of spentOn) {
    must(atto <= config.budget.perDayAtto, `${atto} were committed on day ${day}, of a budget of ${config.budget.perDayAtto}`);
    const booked = (await cold.day(day))?.value.committedAtto ?? 0n;
    must(booked >= 0n && booked <= config.budget.perDayAtto, `day ${day} is booked with ${booked}`);
  }
  checkLedger(world, deals);
}

/** At the newest finalized epoch, the chain has locked what the records of the deals that it knows come to, to the attoFIL. */
function checkLedger(world: SimDaemon['world'], deals: ReadonlyMap<string, Deal>): void {
  const epoch = world.chain.finalizedEpoch;
  let expected = 0n;
  for (const deal of deals.values()) {
    const id = world.chain.published.get(deal.proposalCid);
    if (id !== undefined && world.chain.deals.get(id)?.at(epoch) !== undefined) expected += deal.costAtto;
  }
  const { lockedAtto } = world.chain.money.at(epoch);
  must(lockedAtto === expected, `the chain has ${lockedAtto} locked at ${epoch}, the records say ${expected}`);
}

/** Every piece has as many copies as wanted, in failure domains of their own, by the chain. */
export function copiesShort({ world, config }: SimDaemon, pieceIds: readonly string[]): string[] {
  return pieceIds.filter((pieceId) => {
    const active = [...world.market.reached.values()].filter((one) => one.pieceId === pieceId && isTrulyActive(world, one));
    return active.length < config.policy.replicas.target;
  });
}

/** Said here once more in other words than the planner's. */
function shareAnything(a: ProviderOnChain, b: ProviderOnChain): boolean {
  const marks = ({ owner, worker, beneficiary, peerId, hosts }: ProviderOnChain): string[] => [
    `owner ${owner}`,
    `worker ${worker}`,
    `beneficiary ${beneficiary}`,
    `peer ${peerId}`,
    ...hosts.map((host) => `host ${host}`),
  ];
  return marks(a).some((mark) => marks(b).includes(mark));
}
