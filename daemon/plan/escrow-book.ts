import {
  type EscrowBook,
  type EscrowLine,
  type EscrowSums,
  type FundingMessage,
  feeAtMost,
  type MessageReceipt,
  NO_ESCROW_SUMS,
} from '../domain/escrow.ts';
import { formatFil } from '../domain/fil.ts';
import type { MessageSight } from '../domain/wallet-port.ts';
import { type Trip, tripByFunds } from './losses.ts';

/** Our wallet and escrow at one finalized tip set, and what is known beside. */
export interface BookLook {
  wallet: string;
  /** Finalized. */
  epoch: number;
  headEpoch: number;
  atMs: number;
  /** Of the wallet, then. */
  nonce: number;
  walletAtto: bigint;
  escrowAtto: bigint;
  lockedAtto: bigint;
  /** The nonce that comes next, with what waits in the node's pool. */
  nextNonce: number;
  /** Promised to deals now, which the finalized chain may have locked or not. */
  promisedAtto: bigint;
  /** The most that was promised since the book was written last. */
  newlyPromisedAtto: bigint;
  /** Where the message under way is; undefined when there is none, or the node did not say. */
  sight?: MessageSight;
  /** After a message that failed the next one waits for so long. */
  retryEpochs: number;
}

export type NewLine = Omit<EscrowLine, 'number'>;

export type BookStep =
  /** Nothing can be said that is not in the book. */
  | { kind: 'same' }
  | { kind: 'booked'; book: EscrowBook; lines: readonly EscrowLine[]; failed?: MessageReceipt }
  /** Chain and book do not agree. Seen once it may be a node's slip. */
  | { kind: 'doubt'; trip: Trip };

/** What the finalized chain says of the message under way. */
type Fate = { kind: 'open' | 'unread' } | { kind: 'done' | 'failed'; receipt?: MessageReceipt } | { kind: 'foreign'; why: string };

/**
 * Brings the book up to a finalized tip set: every change of the escrow gets a line that says what it was. What has no honest
 * explanation is no line but a doubt: a nonce that somebody else used, and a decrease beyond what providers can have been paid.
 */
export function planBook(book: EscrowBook | undefined, look: BookLook): BookStep {
  if (book === undefined || book.wallet !== look.wallet) return opened(book, look);
  if (book.accepted !== undefined) return look.epoch < book.epoch ? { kind: 'same' } : accepted(book, look);
  if (look.epoch <= book.epoch) return { kind: 'same' };
  if (hasForgotten(book, look)) return booked({ ...book, nonce: look.nextNonce }, look, [], 'open');
  const fate = fateOf(book, look);
  if (fate.kind === 'unread') return { kind: 'same' };
  if (fate.kind === 'foreign') return { kind: 'doubt', trip: { code: 'ledger', text: fate.why } };
  const addedAtto = fate.kind === 'done' ? topUpOf(book.message) : 0n;
  const changeAtto = look.escrowAtto - book.escrowAtto - addedAtto;
  if (-changeAtto > paidAtMost(book, look)) return { kind: 'doubt', trip: tripByFunds('withdrawn', -changeAtto - paidAtMost(book, look)) };
  const lines = [
    ...(fate.kind === 'done' || fate.kind === 'failed' ? messageLines(book, look, fate) : []),
    ...line(look, changeAtto > 0n ? 'gift' : 'paid', changeAtto > 0n ? changeAtto : -changeAtto),
  ];
  if (lines.length === 0 && fate.kind === 'open' && isAsBefore(book, look)) return { kind: 'same' };
  const failed = fate.kind === 'failed' ? fate.receipt : undefined;
  return { ...booked(book, look, lines, fate.kind), ...(failed === undefined ? {} : { failed }) };
}

/**
 * What waited in the node's pool when the book was begun, by somebody's hand, is gone from it: the nonce is free again. Never so once we have
 * sent something ourselves.
 */
function hasForgotten({ nonce, message, sums }: EscrowBook, look: BookLook): boolean {
  return message === undefined && sums.gas === 0n && look.nextNonce < nonce && look.nonce === look.nextNonce;
}

/** Nothing is written with each epoch that comes. */
function isAsBefore(book: EscrowBook, look: BookLook): boolean {
  return (['escrowAtto', 'lockedAtto', 'walletAtto', 'promisedAtto'] as const).every((key) => book[key] === look[key]);
}

/** The nonce is that which the node's pool has: what was sent by hand before we came is still to be seen at finality. */
function opened(former: EscrowBook | undefined, look: BookLook): BookStep {
  const { wallet, epoch, escrowAtto, lockedAtto, walletAtto, promisedAtto, nextNonce } = look;
  const first: EscrowLine = { number: (former?.lines ?? 0) + 1, ...base(look, 'opening', escrowAtto), text: wallet };
  return {
    kind: 'booked',
    book: {
      wallet,
      nonce: nextNonce,
      epoch,
      escrowAtto,
      lockedAtto,
      walletAtto,
      promisedAtto,
      lines: first.number,
      sums: { ...NO_ESCROW_SUMS, opening: escrowAtto },
    },
    lines: [first],
  };
}

/** The operator has looked at it and said that spending goes on: what there is now is right, and what is still to become final. */
function accepted(book: EscrowBook, look: BookLook): BookStep {
  const changeAtto = look.escrowAtto - book.escrowAtto;
  const lines = line(look, changeAtto > 0n ? 'gift' : 'withdrawn', changeAtto > 0n ? changeAtto : -changeAtto, {
    text: 'accepted by fbpd unfreeze',
  });
  const { accepted: why, message, ...rest } = book;
  const isOpen = message !== undefined && look.nonce <= message.nonce;
  const nonce = isOpen ? message.nonce : look.nextNonce;
  const isToCome = !isOpen && look.nonce < nonce;
  const after = { ...rest, nonce, ...(isOpen ? { message } : {}), ...(isToCome && why !== undefined ? { accepted: why } : {}) };
  return isToCome && lines.length === 0 && isAsBefore(after, look) && nonce === book.nonce && message === undefined
    ? { kind: 'same' }
    : booked(after, look, lines, 'open');
}

function fateOf({ wallet, message, nonce }: EscrowBook, look: BookLook): Fate {
  const ours = message === undefined ? nonce : nonce + 1;
  if (look.nonce > ours) return { kind: 'foreign', why: foreignNonce(wallet, ours, look.nonce) };
  if (message === undefined || look.nonce <= message.nonce) return { kind: 'open' };
  return fateOfUsed(message, look, wallet);
}

export function foreignNonce(wallet: string, ours: number, found: number): string {
  const more = found - ours === 1 ? '1 message' : `${found - ours} messages`;
  return `the wallet ${wallet} has sent ${more} more than fbpd: it must be fbpd's alone; see what else uses it, then say fbpd unfreeze`;
}

/** Its nonce is used up: by itself, as the node says, or as what was seen of it before it was final says. */
function fateOfUsed(message: FundingMessage, { sight }: BookLook, wallet: string): Fate {
  if (sight === undefined) return { kind: 'unread' };
  if (sight.kind === 'other') return { kind: 'foreign', why: foreignMessage(wallet, message.nonce) };
  const receipt = sight.kind === 'found' ? sight.receipt : message.seen;
  // The node does not look back far enough, and nobody looked in time: the escrow tells, in what comes next.
  if (receipt === undefined) return { kind: 'done' };
  return { kind: receipt.exitCode === 0 ? 'done' : 'failed', receipt };
}

function foreignMessage(wallet: string, nonce: number): string {
  return `another message than fbpd's was sent from the wallet ${wallet} with the nonce ${nonce}: it must be fbpd's alone; see what else uses it, then say fbpd unfreeze`;
}

/** Payments lower escrow and locked alike; so may locked hide them by what was newly locked meanwhile. */
function paidAtMost(book: EscrowBook, look: BookLook): bigint {
  const most = book.lockedAtto - look.lockedAtto + book.promisedAtto + look.newlyPromisedAtto;
  return most > 0n ? most : 0n;
}

function topUpOf(message: FundingMessage | undefined): bigint {
  return message?.purpose.kind === 'top_up' ? message.purpose.amountAtto : 0n;
}

function messageLines({ message, walletAtto }: EscrowBook, look: BookLook, fate: Fate & { kind: 'done' | 'failed' }): NewLine[] {
  if (message === undefined) return [];
  const { purpose, versions } = message;
  const version = versions.find(({ cid }) => cid === fate.receipt?.cid) ?? versions.at(-1);
  const about = version === undefined ? {} : { messageCid: version.cid };
  const isDone = fate.kind === 'done';
  const spentAtto = walletAtto - look.walletAtto - (isDone ? topUpOf(message) : 0n);
  const most = version === undefined ? 0n : feeAtMost(version.gas);
  // What came into the wallet meanwhile hides what went for gas: then it counts as the most that it may have been.
  const gasAtto = spentAtto > 0n && spentAtto <= most ? spentAtto : most;
  const text = isDone ? {} : { text: `it failed with exit code ${fate.receipt?.exitCode}` };
  return [
    ...(isDone && purpose.kind === 'top_up' ? line(look, 'added', purpose.amountAtto, about) : []),
    ...(isDone && purpose.kind === 'settle'
      ? line(look, 'freed', purpose.freesAtto, { ...about, text: `deals ${purpose.chainDealIds.join(', ')}` })
      : []),
    ...line(look, 'gas', gasAtto, { ...about, ...text }),
  ];
}

function booked(
  book: EscrowBook,
  look: BookLook,
  lines: readonly NewLine[],
  fate: 'open' | 'done' | 'failed',
): BookStep & { kind: 'booked' } {
  const { epoch, escrowAtto, lockedAtto, walletAtto, promisedAtto } = look;
  const numbered = lines.map((one, index) => ({ number: book.lines + index + 1, ...one }));
  const { message, notBeforeEpoch: _, ...rest } = book;
  return {
    kind: 'booked',
    lines: numbered,
    book: {
      ...rest,
      epoch,
      escrowAtto,
      lockedAtto,
      walletAtto,
      promisedAtto,
      lines: book.lines + lines.length,
      sums: numbered.reduce(withLine, book.sums),
      ...(message === undefined ? {} : fate === 'open' ? { message } : { nonce: message.nonce + 1 }),
      ...(fate === 'failed' ? { notBeforeEpoch: look.headEpoch + look.retryEpochs } : notYet(book, look)),
    },
  };
}

function notYet({ notBeforeEpoch }: EscrowBook, { headEpoch }: BookLook): Pick<EscrowBook, 'notBeforeEpoch'> {
  return notBeforeEpoch !== undefined && notBeforeEpoch > headEpoch ? { notBeforeEpoch } : {};
}

export function withLine(sums: EscrowSums, { kind, atto }: Pick<EscrowLine, 'kind' | 'atto'>): EscrowSums {
  return { ...sums, [kind]: sums[kind] + atto };
}

function line(look: BookLook, kind: EscrowLine['kind'], atto: bigint, more: Partial<NewLine> = {}): NewLine[] {
  return atto === 0n ? [] : [{ ...base(look, kind, atto), ...more }];
}

function base({ epoch, atMs }: BookLook, kind: EscrowLine['kind'], atto: bigint): NewLine {
  return { kind, atto, epoch, atMs };
}

/** In the log, once for each. */
export function lineText({ kind, atto, text }: Pick<EscrowLine, 'kind' | 'atto' | 'text'>): string {
  return `${WORDS[kind]} ${formatFil(atto)}${text === undefined ? '' : ` (${text})`}`;
}

const WORDS: Readonly<Record<EscrowLine['kind'], string>> = {
  opening: 'the book of the escrow begins with',
  added: 'added to the escrow by fbpd:',
  gift: 'added to the escrow by somebody else:',
  paid: 'paid out of the escrow to providers:',
  withdrawn: 'withdrawn from the escrow by somebody else:',
  gas: 'gas for a message:',
  freed: 'free again of deals that missed their start:',
};
