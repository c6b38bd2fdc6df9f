import type { Breaker, PlannedStep } from '../daemon/domain/cold-store-port.ts';
import type { Deal, DealEvent } from '../daemon/domain/deal.ts';
import type { Piece } from '../daemon/domain/piece.ts';
import type { Provider, SetAside } from '../daemon/domain/provider.ts';
import type { components } from '../spec/fbpd.ts';
import { type EpochTime, optional } from './cold-side.ts';
import { formatTimestamp } from './timestamps.ts';

type Schemas = components['schemas'];

/** A deal as the owner of a pin sees it: without what it says of the operator's side. */
export function renderPinDeal(deal: Deal, piece: Pick<Piece, 'built' | 'part'>, time: EpochTime): Schemas['PinDeal'] {
  const { terms, activeEvidence, retrievalEvidence } = deal;
  return {
    id: deal.id,
    provider: deal.provider,
    ...optional('country', deal.country),
    state: deal.state,
    reason: deal.reason,
    ...optional('outcome', deal.outcome),
    ...optional('pieceCid', piece.built?.pieceCid),
    ...optional('part', renderPart(piece)),
    ...optional('dealId', deal.chainDealId),
    proposalCid: deal.proposalCid,
    ...renderSpan(terms, time),
    pricePerEpoch: String(terms.pricePerEpochAtto),
    ...optional('lastVerified', activeEvidence && formatTimestamp(activeEvidence.atMs)),
    ...optional('lastRetrieved', retrievalEvidence && formatTimestamp(retrievalEvidence.atMs)),
    history: deal.history.map(renderEvent),
  };
}

/** Counted from 1. */
function renderPart({ part }: Pick<Piece, 'part'>): Schemas['Part'] | undefined {
  return part && { number: part.index + 1, of: part.of };
}

/** A deal as the operator sees it. */
export function renderDeal(deal: Deal, pieceCid: string | undefined, time: EpochTime): Schemas['Deal'] {
  const { terms } = deal;
  return {
    id: deal.id,
    piece: deal.pieceId,
    ...optional('pieceCid', pieceCid),
    provider: deal.provider,
    ...optional('country', deal.country),
    maker: deal.maker,
    state: deal.state,
    reason: deal.reason,
    ...optional('outcome', deal.outcome),
    ...optional('replaces', deal.replaces),
    created: formatTimestamp(deal.createdMs),
    ...optional('dealId', deal.chainDealId),
    proposalCid: deal.proposalCid,
    ...optional('publishCid', deal.publishCid),
    ...renderSpan(terms, time),
    pricePerEpoch: String(terms.pricePerEpochAtto),
    clientCollateral: String(terms.clientCollateralAtto),
    providerCollateral: String(terms.providerCollateralAtto),
    verified: terms.verified,
    cost: String(deal.costAtto),
    budgetDay: deal.budgetDay,
    sends: deal.sends,
    ...optional('said', deal.said),
    ...optional('suspectSinceEpoch', deal.suspectSinceEpoch),
    failureDomain: { ...deal.domain, hosts: [...deal.domain.hosts] },
    ...renderEvidence(deal),
    ...optional('dueEpoch', deal.dueEpoch),
    history: deal.history.map(renderEvent),
  };
}

function renderEvidence({ activeEvidence: active, retrievalEvidence: retrieval, retrievalFailure: failure }: Deal) {
  return {
    ...optional(
      'activeEvidence',
      active && {
        dealId: active.chainDealId,
        sectorStartEpoch: active.sectorStartEpoch,
        seenEpoch: active.seenEpoch,
        at: formatTimestamp(active.atMs),
      },
    ),
    ...optional(
      'retrievalEvidence',
      retrieval && {
        bytes: retrieval.bytes,
        tookMs: retrieval.tookMs,
        firstByteMs: retrieval.firstByteMs,
        seenEpoch: retrieval.seenEpoch,
        at: formatTimestamp(retrieval.atMs),
      },
    ),
    ...optional('retrievalFailure', failure && { at: formatTimestamp(failure.atMs), epoch: failure.epoch, text: failure.text }),
  };
}

function renderEvent({ state, atMs, epoch, reason }: DealEvent): Schemas['DealEvent'] {
  return { state, at: formatTimestamp(atMs), epoch, reason };
}

function renderSpan({ startEpoch, endEpoch }: { startEpoch: number; endEpoch: number }, time: EpochTime) {
  return { startEpoch, ...optional('start', time(startEpoch)), endEpoch, ...optional('end', time(endEpoch)) };
}

export function renderPiece(piece: Piece, deals: readonly Deal[], time: EpochTime): Schemas['Piece'] {
  const { built, due, summary } = piece;
  const { min, target, active, pending, soonestEndEpoch } = summary;
  return {
    id: piece.id,
    policy: piece.policy,
    state: piece.state,
    created: formatTimestamp(piece.createdMs),
    contents: piece.members.length,
    gone: piece.members.filter(({ gone }) => gone === true).length,
    bytes: piece.members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...optional('part', renderPart(piece)),
    ...(built === undefined
      ? {}
      : { rootCid: built.rootCid, pieceCid: built.pieceCid, carBytes: built.carSizeBytes, pieceBytes: built.pieceSizeBytes }),
    ...(piece.buildFailures === 0 ? {} : { buildFailures: piece.buildFailures }),
    replicas: { min, target, active, pending },
    ...(soonestEndEpoch === undefined ? {} : { soonestEndEpoch, ...optional('soonestEnd', time(soonestEndEpoch)) }),
    next: { ...piece.next },
    ...optional('due', due && { ...due, ...optional('at', time(due.epoch)) }),
    deals: deals.map((deal) => renderDeal(deal, built?.pieceCid, time)),
  };
}

export function renderStep({ pieceId, contents, sampleKeys, step }: PlannedStep, time: EpochTime): Schemas['PlannedStep'] {
  const shared = { piece: pieceId, contents, sample: [...sampleKeys], kind: step.kind, reason: { ...step.why } };
  if (step.kind !== 'propose') return shared;
  return {
    ...shared,
    provider: step.provider,
    ...optional('country', step.country),
    owner: step.owner,
    cost: String(step.costAtto),
    ...renderSpan(step, time),
  };
}

export interface ProviderStanding {
  trusted: boolean;
  score: { value: number; reasons: readonly string[] };
  liveDeals: number;
  /** Our wallet's address, where it is to be told it. */
  introduce?: string;
}

export function renderProvider(provider: Provider, standing: ProviderStanding, time: EpochTime): Schemas['Provider'] {
  const { suspended, setAside, chain, ask, refreshedEpoch, notBeforeEpoch } = provider;
  return {
    id: provider.id,
    trusted: standing.trusted,
    ...optional('country', provider.country),
    ...optional('countryFrom', provider.countryFrom),
    ...optional('countryUnknown', provider.countryUnknown),
    ...optional('suspended', suspended && { text: suspended.text, at: formatTimestamp(suspended.atMs) }),
    ...optional('setAside', setAside && renderSetAside(setAside, time)),
    ...optional('chain', chain && renderChain(chain)),
    ...optional('ask', ask && renderAsk(ask)),
    ...(refreshedEpoch === undefined ? {} : { refreshedEpoch, ...optional('refreshed', time(refreshedEpoch)) }),
    ...optional('introduce', standing.introduce),
    ...optional('unreachable', provider.unreachable),
    ...(notBeforeEpoch <= 0 ? {} : { notBeforeEpoch, ...optional('notBefore', time(notBeforeEpoch)) }),
    failuresInRow: provider.failuresInRow,
    score: standing.score.value,
    scoreReasons: [...standing.score.reasons],
    liveDeals: standing.liveDeals,
    events: provider.events.map(({ kind, atMs, epoch, text }) => ({ kind, at: formatTimestamp(atMs), epoch, text })),
  };
}

export function renderSetAside({ duty, text, sinceEpoch, untilEpoch, triedEpoch }: SetAside, time: EpochTime) {
  return {
    duty,
    text,
    sinceEpoch,
    untilEpoch,
    ...optional('until', time(untilEpoch)),
    ...optional('triedEpoch', triedEpoch),
  };
}

function renderChain({ owner, worker, beneficiary, peerId, hosts, sectorSizeBytes }: NonNullable<Provider['chain']>) {
  return { owner, worker, beneficiary, ...optional('peerId', peerId), hosts: [...hosts], sectorBytes: sectorSizeBytes };
}

export function renderAsk(ask: NonNullable<Provider['ask']>) {
  return {
    price: String(ask.priceAttoPerGibEpoch),
    verifiedPrice: String(ask.verifiedPriceAttoPerGibEpoch),
    minPieceBytes: ask.minPieceSizeBytes,
    maxPieceBytes: ask.maxPieceSizeBytes,
    expiryEpoch: ask.expiryEpoch,
  };
}

export function renderBreaker({ by, code, text, atMs }: Breaker): Schemas['Breaker'] {
  return { by, code, text, at: formatTimestamp(atMs) };
}
