import type { MarketBalance } from '../domain/cold-ports.ts';
import { type EscrowBook, type FundingMessage, type FundingPurpose, feeAtMost, type Gas } from '../domain/escrow.ts';
import { formatFil } from '../domain/fil.ts';
import type { Reason } from '../domain/pin.ts';
import type { MessageSight } from '../domain/wallet-port.ts';
import { foreignNonce } from './escrow-book.ts';
import type { Trip } from './losses.ts';

/** Of `[escrow]` and `[budget]`. attoFIL. */
export interface EscrowMoney {
  /** What escrow has free after a top-up; 0: nothing is ever added. */
  levelAtto: bigint;
  /** The dearest deal that there may be: with less than that free, escrow is topped up. */
  perDealAtto: bigint;
  /** For one message, whatever the network asks. */
  maxFeeAtto: bigint;
  /** With less in the wallet than that it is said. */
  walletLowAtto: bigint;
}

/** With the pace of messages, in epochs. */
export interface EscrowRules extends EscrowMoney {
  /** A message that no block has is handed to the node again after so long, and gets more gas after so long. */
  resendEpochs: number;
  stuckEpochs: number;
  /** After a message that failed. */
  retryEpochs: number;
}

/** The rest follows from finality, so that networks with short times are looked at as often as theirs ask for. */
export function escrowRulesOf(
  money: EscrowMoney,
  { finalityEpochs, retryEpochs }: { finalityEpochs: number; retryEpochs: number },
): EscrowRules {
  const stuckEpochs = Math.max(3, Math.min(20, Math.round(finalityEpochs / 45)));
  return { ...money, retryEpochs, stuckEpochs, resendEpochs: Math.max(1, Math.round(stuckEpochs / 4)) };
}

/** A deal that missed its start and keeps its money locked. */
export interface Lingering {
  chainDealId: number;
  freesAtto: bigint;
}

/** Our escrow at the finalized tip set, and what deals that were not seen there, or made since, may lock beyond. */
export interface FinalEscrow extends MarketBalance {
  mayComeAtto: bigint;
}

export interface EscrowInput {
  book: EscrowBook;
  headEpoch: number;
  /** At the head. */
  escrowAtto: bigint;
  lockedAtto: bigint;
  walletAtto: bigint;
  nextNonce: number;
  /** By our own record, what may be locked: promised deals among it. */
  lockedAtMostAtto: bigint;
  final: FinalEscrow;
  /** Where the message under way is; undefined when there is none, or the node did not say. */
  sight?: MessageSight;
  /** When it was handed to the node last, as far as this process knows. */
  pushedEpoch?: number;
  lingering: readonly Lingering[];
  rules: EscrowRules;
}

export type EscrowAction =
  | { kind: 'wait'; why: Reason }
  /** Signs a new message. */
  | { kind: 'begin'; purpose: FundingPurpose }
  /** The same message once more, with more gas. */
  | { kind: 'replace' }
  /** The same bytes once more. */
  | { kind: 'resend' }
  /** Somebody else uses the wallet. Seen once it may be a node's slip. */
  | { kind: 'doubt'; trip: Trip };

/** Settled by one message. */
const SETTLED_MAX = 100;
/** A smaller top-up, because the wallet has no more, is not worth its gas: a part of the level. */
const LEAST_PART = 20n;

/**
 * In escrow, and neither locked nor promised to a deal. Never negative. Taken is no more than our deals may lock, whose
 * record learns late of what was paid, and no more than the finalized chain has locked and may have to lock since, less what was paid
 * since; and never less than what is locked at the head.
 */
export function freeEscrow(money: Pick<EscrowInput, 'escrowAtto' | 'lockedAtto' | 'lockedAtMostAtto' | 'final'>): bigint {
  const { escrowAtto, lockedAtto, lockedAtMostAtto, final } = money;
  const byChainAtto = final.lockedAtto + final.mayComeAtto - paidSince(final, money);
  const takenAtto = larger(lockedAtto, smaller(lockedAtMostAtto, byChainAtto));
  return escrowAtto > takenAtto ? escrowAtto - takenAtto : 0n;
}

/** At least that: payments lower both alike. Of locked alone a reorg may lock again what was let go, and of escrow alone it was no payment. */
function paidSince(final: MarketBalance, head: MarketBalance): bigint {
  const paidAtto = smaller(final.escrowAtto - head.escrowAtto, final.lockedAtto - head.lockedAtto);
  return larger(paidAtto, 0n);
}

/** Providers' nodes may be so far behind ours, and refuse what they see no money for. */
const SEEN_BY_ALL_EPOCHS = 3;

/** What deals may count on of the escrow at the head: not on what a top-up has only just added. */
export function escrowForDeals(escrowAtto: bigint, book: EscrowBook | undefined, headEpoch: number): bigint {
  const message = book?.message;
  if (book === undefined || message?.purpose.kind !== 'top_up') return escrowAtto;
  const { seen } = message;
  const isSeenByAll = seen !== undefined && seen.exitCode === 0 && headEpoch - seen.height >= SEEN_BY_ALL_EPOCHS;
  return isSeenByAll ? escrowAtto : smaller(escrowAtto, book.escrowAtto);
}

/** What is to be done about the escrow now: one thing, and one message at a time. */
export function planEscrow(input: EscrowInput): EscrowAction {
  const { book, headEpoch } = input;
  if (book.message !== undefined) return aboutMessage(book.message, input);
  const { nextNonce } = input;
  if (book.accepted !== undefined) return wait('in_doubt', 'what was accepted by fbpd unfreeze is not final yet');
  if (nextNonce > book.nonce) return { kind: 'doubt', trip: { code: 'ledger', text: foreignNonce(book.wallet, book.nonce, nextNonce) } };
  if (nextNonce < book.nonce) return wait('node_behind', 'the node does not know all messages of this wallet yet');
  if (book.notBeforeEpoch !== undefined && headEpoch < book.notBeforeEpoch)
    return wait('message_failed', `the last message to the market failed; the next one is sent from epoch ${book.notBeforeEpoch} on`);
  return settlement(input) ?? topUp(input);
}

function aboutMessage(message: FundingMessage, { sight, headEpoch, pushedEpoch, rules }: EscrowInput): EscrowAction {
  const newest = message.versions.at(-1);
  const what = `${message.purpose.kind === 'top_up' ? 'escrow is being topped up' : 'missed deals are being settled'} (message ${newest?.cid})`;
  if (sight === undefined) return wait('topping_up', `${what}; the node does not say where it is`);
  if (sight.kind === 'other') return wait('topping_up', `another message is in the place of ours (${newest?.cid}); it is not final yet`);
  if (sight.kind === 'found')
    return wait('topping_up', `${what}; it is on the chain since epoch ${sight.receipt.height}, and not final yet`);
  if (newest !== undefined && headEpoch - newest.epoch >= rules.stuckEpochs) return { kind: 'replace' };
  if (pushedEpoch === undefined || headEpoch - pushedEpoch >= rules.resendEpochs) return { kind: 'resend' };
  return wait('topping_up', what);
}

function settlement({ lingering }: EscrowInput): EscrowAction | undefined {
  const settled = [...lingering].sort((a, b) => (a.freesAtto < b.freesAtto ? 1 : -1)).slice(0, SETTLED_MAX);
  const freesAtto = settled.reduce((sum, one) => sum + one.freesAtto, 0n);
  if (freesAtto === 0n) return undefined;
  return { kind: 'begin', purpose: { kind: 'settle', chainDealIds: settled.map(({ chainDealId }) => chainDealId), freesAtto } };
}

/** Below half of the level, or when the dearest deal does not fit in any more, and then up to the level. */
function topUp(input: EscrowInput): EscrowAction {
  const { rules, walletAtto } = input;
  const { levelAtto, maxFeeAtto, perDealAtto } = rules;
  const freeAtto = freeEscrow(input);
  if (levelAtto === 0n) return wait('by_hand', 'escrow.level is 0 FIL, so nothing is added to the escrow');
  const dearestAtto = smaller(perDealAtto, levelAtto);
  if (freeAtto >= dearestAtto && freeAtto * 2n >= levelAtto) return wait('enough', 'nothing needs to be added to the escrow');
  const missingAtto = levelAtto - freeAtto;
  const spareAtto = walletAtto > maxFeeAtto ? walletAtto - maxFeeAtto : 0n;
  const amountAtto = smaller(missingAtto, spareAtto);
  const isLittle = amountAtto < missingAtto && amountAtto * LEAST_PART < levelAtto;
  if (amountAtto === 0n || isLittle)
    return wait('wallet_low', `the wallet has too little to top the escrow up (${formatFil(walletAtto)}): send FIL to it`);
  return { kind: 'begin', purpose: { kind: 'top_up', amountAtto } };
}

function wait(code: string, text: string): EscrowAction {
  return { kind: 'wait', why: { code, text } };
}

/** Lotus takes a message in the place of another one when it offers a quarter more; it rounds, so we add one. */
const MORE_NUMERATOR = 5n;
const MORE_DENOMINATOR = 4n;

/** Gas with which a message takes the place of the one before; undefined when it would cost more than it may. */
export function gasToReplace(old: Gas, estimate: Gas, maxFeeAtto: bigint): Gas | undefined {
  const premiumAtto = larger(more(old.premiumAtto), estimate.premiumAtto);
  const feeCapAtto = larger(larger(more(old.feeCapAtto), estimate.feeCapAtto), premiumAtto);
  const gas = { limit: Math.max(old.limit, estimate.limit), premiumAtto, feeCapAtto };
  if (feeAtMost(gas) <= maxFeeAtto) return gas;
  const capped = { ...gas, feeCapAtto: maxFeeAtto / BigInt(gas.limit) };
  return capped.feeCapAtto >= larger(premiumAtto, old.feeCapAtto) ? capped : undefined;
}

function more(atto: bigint): bigint {
  return (atto * MORE_NUMERATOR) / MORE_DENOMINATOR + 1n;
}

function larger(a: bigint, b: bigint): bigint {
  return b > a ? b : a;
}

function smaller(a: bigint, b: bigint): bigint {
  return b < a ? b : a;
}

/** Settling is worth it when it frees so many times what it may cost. */
const WORTH_TIMES = 4n;

/** Why a message is not sent that would cost so much; undefined when it may be. */
export function tooDear(purpose: FundingPurpose, gas: Gas, maxFeeAtto: bigint): Reason | undefined {
  const feeAtto = feeAtMost(gas);
  if (feeAtto > maxFeeAtto) {
    const text = `the network asks for up to ${formatFil(feeAtto)} for a message, more than escrow.max_fee_per_message (${formatFil(maxFeeAtto)})`;
    return { code: 'fee_too_high', text };
  }
  if (purpose.kind === 'settle' && purpose.freesAtto < feeAtto * WORTH_TIMES)
    return {
      code: 'not_worth_it',
      text: `settling missed deals frees ${formatFil(purpose.freesAtto)}, and may cost ${formatFil(feeAtto)}`,
    };
  return undefined;
}

/** A week's notice. */
const NOTICE_DAYS = 7;

export interface FundsAhead {
  address: string;
  walletAtto: bigint;
  freeAtto: bigint;
  /** Promised in a day, by the days of the last week; 0 when nothing was. */
  perDayAtto: bigint;
  rules: Pick<EscrowRules, 'levelAtto' | 'walletLowAtto' | 'perDealAtto'>;
}

/** Days that wallet and free escrow last at that pace. */
export function runwayDays({ walletAtto, freeAtto, perDayAtto, rules }: FundsAhead): number | undefined {
  if (perDayAtto === 0n) return undefined;
  const reachableAtto = freeAtto + (rules.levelAtto === 0n ? 0n : walletAtto);
  return Number((reachableAtto * 10n) / perDayAtto) / 10;
}

/** What should be said before deals have to wait for it. */
export function earlyWarnings(ahead: FundsAhead): Reason[] {
  const { address, walletAtto, freeAtto, rules } = ahead;
  const { levelAtto, walletLowAtto, perDealAtto } = rules;
  const warnings: Reason[] = [];
  if (levelAtto > 0n && walletAtto < walletLowAtto) {
    const text = `the wallet ${address} has ${formatFil(walletAtto)}, less than escrow.wallet_low (${formatFil(walletLowAtto)}): send FIL to it before deals have to wait`;
    warnings.push({ code: 'wallet_low', text });
  }
  if (levelAtto === 0n && freeAtto < perDealAtto) {
    const text = `${formatFil(freeAtto)} are free in the escrow of ${address}, less than a deal may cost, and nothing tops it up as escrow.level is 0 FIL: lotus wallet market add --from OTHER_WALLET --address ${address} AMOUNT does; sent from ${address} itself it would freeze spending`;
    warnings.push({ code: 'escrow_low', text });
  }
  const days = runwayDays(ahead);
  if (days !== undefined && days < NOTICE_DAYS) {
    const text = `wallet and escrow of ${address} last for about ${days} days at the pace of the last week: send FIL to it`;
    warnings.push({ code: 'runway_short', text });
  }
  return warnings;
}
