import { type EscrowLine, type FundingMessage, feeAtMost } from '../daemon/domain/escrow.ts';
import type { components } from '../spec/fbpd.ts';
import { renderBudget } from './admin-deals.ts';
import { renderBreaker, renderSetAside } from './cold-render.ts';
import { type ColdSide, epochTimes, optional } from './cold-side.ts';
import { formatTimestamp } from './timestamps.ts';

type Schemas = components['schemas'];
type ColdStatus = Schemas['ColdStatus'];

/** The cold layer's part of the daemon's status. */
export async function coldStatus(cold: ColdSide | undefined): Promise<ColdStatus> {
  if (cold === undefined) return { maker: 'none' };
  const { maker, store, view } = cold;
  const held = view.held();
  const breaker = store.breaker()?.value;
  const { deals, pieces, unknownDeals, committedAtto } = store.totals();
  return {
    maker,
    ...optional('held', held && { ...held }),
    ...optional('breaker', breaker && renderBreaker(breaker)),
    ...optional('chain', chainOf(cold)),
    ...optional('funds', fundsOf(cold)),
    ...optional('escrow', escrowOf(cold)),
    budget: await renderBudget(view),
    deals: { ...deals },
    unknownDeals,
    pieces: { ...pieces },
    ...optional('short', await shortOf(cold)),
    committed: String(committedAtto),
    trusted: await trustedOf(cold),
    ...optional('setAside', await setAsideOf(cold)),
  };
}

/** `GET /admin/wallet`. */
export async function renderWallet(cold: ColdSide, lines: number): Promise<Schemas['Wallet']> {
  const { maker, store, view } = cold;
  const held = view.held();
  const book = store.escrow()?.value;
  return {
    maker,
    ...optional('held', held && { ...held }),
    ...optional('funds', fundsOf(cold)),
    ...optional('escrow', escrowOf(cold)),
    ...optional('message', book?.message && renderMessage(book.message)),
    ...optional('sums', book && Object.fromEntries(Object.entries(book.sums).map(([kind, atto]) => [kind, String(atto)]))),
    lines: lines === 0 ? [] : (await store.escrowLines(lines)).map(renderLine),
  };
}

function renderMessage({ purpose, nonce, versions, seen }: FundingMessage): Schemas['FundingMessage'] {
  const [oldest] = versions;
  const newest = versions.at(-1);
  return {
    kind: purpose.kind,
    amount: String(purpose.kind === 'top_up' ? purpose.amountAtto : purpose.freesAtto),
    ...(purpose.kind === 'settle' ? { deals: [...purpose.chainDealIds] } : {}),
    nonce,
    cid: newest?.cid ?? '',
    versions: versions.length,
    sinceEpoch: oldest?.epoch ?? 0,
    feeAtMost: String(newest === undefined ? 0n : feeAtMost(newest.gas)),
    ...optional('seenHeight', seen?.height),
  };
}

function renderLine({ number, kind, atto, epoch, atMs, messageCid, text }: EscrowLine): Schemas['EscrowLine'] {
  const about = { ...optional('message', messageCid), ...optional('text', text) };
  return { number, kind, amount: String(atto), epoch, at: formatTimestamp(atMs), ...about };
}

function escrowOf({ view }: ColdSide): Schemas['EscrowStanding'] | undefined {
  const standing = view.escrow();
  if (standing === undefined) return undefined;
  const { state, warnings, escrowAtto, lockedAtto, freeAtto, levelAtto, runwayDays, datacapBytes } = standing;
  return {
    state: { ...state },
    warnings: warnings.map((one) => ({ ...one })),
    escrow: String(escrowAtto),
    locked: String(lockedAtto),
    free: String(freeAtto),
    level: String(levelAtto),
    ...optional('runwayDays', runwayDays),
    ...optional('datacapBytes', datacapBytes === undefined ? undefined : String(datacapBytes)),
  };
}

async function trustedOf({ store, trusted }: ColdSide): Promise<string[]> {
  const added = (await store.providers()).flatMap(({ value }) => (value.trusted === undefined ? [] : [value.id]));
  return [...new Set([...trusted, ...added])];
}

async function shortOf({ view }: ColdSide): Promise<ColdStatus['short']> {
  const short = await view.shortage();
  return short && { pieces: short.pieces, belowMin: short.belowMin, more: short.isMore, reason: { ...short.why } };
}

async function setAsideOf({ store, view }: ColdSide): Promise<ColdStatus['setAside']> {
  const time = epochTimes(view.lastView());
  const found = (await store.providers()).flatMap(({ value: { id, setAside } }) =>
    setAside === undefined ? [] : [{ provider: id, reason: renderSetAside(setAside, time) }],
  );
  return found.length === 0 ? undefined : found;
}

function chainOf({ view }: ColdSide): ColdStatus['chain'] {
  const last = view.lastView();
  if (last === undefined) return undefined;
  const { network, headEpoch, finalizedEpoch, behindSeconds } = last.view;
  return { network, headEpoch, finalizedEpoch, ...optional('behindSeconds', behindSeconds), at: formatTimestamp(last.atMs) };
}

function fundsOf({ view }: ColdSide): ColdStatus['funds'] {
  const funds = view.funds();
  if (funds === undefined) return undefined;
  const { address, walletAtto, escrowAtto, lockedAtto } = funds;
  return { address, wallet: String(walletAtto), escrow: String(escrowAtto), locked: String(lockedAtto) };
}
