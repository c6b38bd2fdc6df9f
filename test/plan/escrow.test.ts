import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import { type EscrowBook, type EscrowLine, escrowBySums, feeAtMost, type Gas, NO_ESCROW_SUMS } from '../../daemon/domain/escrow.ts';
import type { MessageSight } from '../../daemon/domain/wallet-port.ts';
import {
  type EscrowInput,
  type EscrowRules,
  earlyWarnings,
  escrowForDeals,
  escrowRulesOf,
  freeEscrow,
  gasToReplace,
  planEscrow,
  runwayDays,
  tooDear,
} from '../../daemon/plan/escrow.ts';
import { type BookLook, planBook, withLine } from '../../daemon/plan/escrow-book.ts';

const GAS: Gas = { limit: 1_000, feeCapAtto: 10n, premiumAtto: 4n };
const RULES: EscrowRules = {
  levelAtto: 1_000_000n,
  perDealAtto: 250_000n,
  maxFeeAtto: 50_000n,
  walletLowAtto: 1_000_000n,
  stuckEpochs: 20,
  resendEpochs: 5,
  retryEpochs: 120,
};
const BOOK: EscrowBook = {
  wallet: 'f1me',
  nonce: 7,
  epoch: 100,
  escrowAtto: 0n,
  lockedAtto: 0n,
  walletAtto: 10_000_000n,
  promisedAtto: 0n,
  lines: 1,
  sums: NO_ESCROW_SUMS,
};
const MESSAGE: NonNullable<EscrowBook['message']> = {
  purpose: { kind: 'top_up', amountAtto: 1_000_000n },
  nonce: 7,
  versions: [{ cid: 'bafy1', gas: GAS, body: {}, epoch: 1_000 }],
};
const UNDER_WAY: EscrowBook = { ...BOOK, message: MESSAGE };
const NOWHERE: MessageSight = { kind: 'nowhere' };
const FOUND: MessageSight = { kind: 'found', receipt: { cid: 'bafy1', height: 1_001, exitCode: 0, gasUsed: 1 } };

/** At finality all is as at the head, and what our deals may lock beyond is still to come, unless it is said otherwise. */
function inputOf(change: Partial<EscrowInput> = {}): EscrowInput {
  const { escrowAtto = 0n, lockedAtto = 0n, lockedAtMostAtto = 0n } = change;
  const mayComeAtto = lockedAtMostAtto > lockedAtto ? lockedAtMostAtto - lockedAtto : 0n;
  return {
    final: { escrowAtto, lockedAtto, mayComeAtto },
    book: BOOK,
    headEpoch: 1_003,
    escrowAtto: 0n,
    lockedAtto: 0n,
    walletAtto: 10_000_000n,
    nextNonce: 7,
    lockedAtMostAtto: 0n,
    lingering: [],
    rules: RULES,
    ...change,
  };
}

/** The action in few words. */
function planned(change: Partial<EscrowInput>): string {
  const action = planEscrow(inputOf(change));
  if (action.kind === 'wait') return `wait: ${action.why.code}`;
  if (action.kind !== 'begin') return action.kind;
  const { purpose } = action;
  return purpose.kind === 'top_up' ? `top up ${purpose.amountAtto}` : `settle ${purpose.chainDealIds} for ${purpose.freesAtto}`;
}

const TABLE: readonly [what: string, change: Partial<EscrowInput>, plan: string][] = [
  ['an empty escrow is filled', {}, 'top up 1000000'],
  ['what is free already counts', { escrowAtto: 400_000n }, 'top up 600000'],
  ['what is locked does not', { escrowAtto: 900_000n, lockedAtto: 800_000n }, 'top up 900000'],
  ['nor what was promised', { escrowAtto: 900_000n, lockedAtMostAtto: 800_000n }, 'top up 900000'],
  [
    'what the finalized chain has paid, and our deals do not know yet, counts as free',
    {
      escrowAtto: 900_000n,
      lockedAtto: 300_000n,
      lockedAtMostAtto: 900_000n,
      final: { escrowAtto: 900_000n, lockedAtto: 300_000n, mayComeAtto: 0n },
    },
    'wait: enough',
  ],
  [
    'as what was paid since does',
    {
      escrowAtto: 900_000n,
      lockedAtto: 300_000n,
      lockedAtMostAtto: 900_000n,
      final: { escrowAtto: 1_500_000n, lockedAtto: 900_000n, mayComeAtto: 0n },
    },
    'wait: enough',
  ],
  [
    'but not what was only let go, which a reorg may lock again',
    {
      escrowAtto: 900_000n,
      lockedAtto: 300_000n,
      lockedAtMostAtto: 900_000n,
      final: { escrowAtto: 900_000n, lockedAtto: 900_000n, mayComeAtto: 0n },
    },
    'top up 1000000',
  ],
  ['half a level is enough', { escrowAtto: 500_000n }, 'wait: enough'],
  ['unless the dearest deal does not fit in', { escrowAtto: 500_000n, rules: { ...RULES, perDealAtto: 500_001n } }, 'top up 500000'],
  [
    'a full one is left alone, however dear a deal may be',
    { escrowAtto: 1_000_000n, rules: { ...RULES, perDealAtto: 9n ** 20n } },
    'wait: enough',
  ],
  ['a wallet that has less gives what it has, but for the gas', { walletAtto: 650_000n }, 'top up 600000'],
  ['a wallet with hardly anything is left alone', { walletAtto: 99_999n }, 'wait: wallet_low'],
  ['as is one with less than the gas', { walletAtto: 50_000n }, 'wait: wallet_low'],
  ['a level of 0 adds nothing', { rules: { ...RULES, levelAtto: 0n } }, 'wait: by_hand'],
  ['a foreign nonce is no reason to send', { nextNonce: 8 }, 'doubt'],
  ['a node that does not know our last message is waited for', { nextNonce: 6 }, 'wait: node_behind'],
  ['after a failure it waits', { book: { ...BOOK, notBeforeEpoch: 1_004 } }, 'wait: message_failed'],
  ['and then goes on', { book: { ...BOOK, notBeforeEpoch: 1_003 } }, 'top up 1000000'],
  [
    'missed deals come first, what frees most before the rest',
    {
      lingering: [
        { chainDealId: 3, freesAtto: 5n },
        { chainDealId: 4, freesAtto: 9n },
      ],
    },
    'settle 4,3 for 14',
  ],
  ['a message under way is pushed by a new process', { book: UNDER_WAY, sight: NOWHERE }, 'resend'],
  ['and not again at once', { book: UNDER_WAY, sight: NOWHERE, pushedEpoch: 1_000 }, 'wait: topping_up'],
  ['but after a while', { book: UNDER_WAY, sight: NOWHERE, pushedEpoch: 998 }, 'resend'],
  ['and with more gas later', { book: UNDER_WAY, sight: NOWHERE, pushedEpoch: 1_019, headEpoch: 1_020 }, 'replace'],
  ['nothing is done while the node does not say where it is', { book: UNDER_WAY, headEpoch: 2_000 }, 'wait: topping_up'],
  ['nor once it is on the chain', { book: UNDER_WAY, sight: FOUND, headEpoch: 2_000 }, 'wait: topping_up'],
  [
    'nor when another one is in its place, until that is final',
    { book: UNDER_WAY, sight: { kind: 'other', said: '' } },
    'wait: topping_up',
  ],
];

for (const [what, change, plan] of TABLE) test(`${what}: ${plan}`, (t) => t.is(planned(change), plan));

test('the pace of messages follows from finality, and never stands still', (t) => {
  const pace = (finalityEpochs: number) => {
    const { stuckEpochs, resendEpochs } = escrowRulesOf(RULES, { finalityEpochs, retryEpochs: 1 });
    return [stuckEpochs, resendEpochs];
  };
  t.deepEqual([900, 100, 5, 1].map(pace), [
    [20, 5],
    [3, 1],
    [3, 1],
    [3, 1],
  ]);
});

test('more gas is a quarter more at least, what the network asks at least, and never above the cap', (t) => {
  t.deepEqual(gasToReplace(GAS, GAS, 50_000n), { limit: 1_000, feeCapAtto: 13n, premiumAtto: 6n });
  t.deepEqual(gasToReplace(GAS, { limit: 1_100, feeCapAtto: 40n, premiumAtto: 20n }, 50_000n), {
    limit: 1_100,
    feeCapAtto: 40n,
    premiumAtto: 20n,
  });
  t.deepEqual(gasToReplace(GAS, { ...GAS, feeCapAtto: 90n }, 50_000n)?.feeCapAtto, 50n);
  t.is(gasToReplace(GAS, { ...GAS, premiumAtto: 60n }, 50_000n), undefined);
  t.is(gasToReplace(GAS, GAS, 9_999n), undefined);
});

testProp(
  'a replacement is always one that Lotus takes, and pays for',
  [fc.bigInt(1n, 10n ** 6n), fc.bigInt(1n, 10n ** 6n), fc.bigInt(1n, 10n ** 6n), fc.bigInt(1n, 10n ** 11n)],
  (t, feeCapAtto, premiumAtto, askedAtto, maxFeeAtto) => {
    const old = { limit: 5_000, feeCapAtto: feeCapAtto + premiumAtto, premiumAtto };
    const gas = gasToReplace(old, { limit: 6_000, feeCapAtto: askedAtto + premiumAtto, premiumAtto: askedAtto }, maxFeeAtto);
    if (gas === undefined) return t.pass();
    t.true(gas.premiumAtto >= (premiumAtto * 125n) / 100n + 1n);
    t.true(gas.feeCapAtto >= gas.premiumAtto && gas.feeCapAtto >= old.feeCapAtto);
    t.true(feeAtMost(gas) <= maxFeeAtto);
  },
);

test('settling is worth it when it frees clearly more than it costs, and no message costs more than it may', (t) => {
  const settle = (freesAtto: bigint) => tooDear({ kind: 'settle', chainDealIds: [1], freesAtto }, GAS, 50_000n)?.code;
  t.deepEqual([settle(39_999n), settle(40_000n)], ['not_worth_it', undefined]);
  t.is(tooDear(MESSAGE.purpose, GAS, 9_999n)?.code, 'fee_too_high');
  t.is(tooDear(MESSAGE.purpose, GAS, 10_000n), undefined);
});

test('what runs short is said a week ahead', (t) => {
  const ahead = { address: 'f1me', walletAtto: 2_000_000n, freeAtto: 500_000n, perDayAtto: 0n, rules: RULES };
  const codes = (change: Partial<typeof ahead>) => earlyWarnings({ ...ahead, ...change }).map(({ code }) => code);
  t.deepEqual(codes({}), []);
  t.deepEqual(codes({ walletAtto: 999_999n }), ['wallet_low']);
  t.deepEqual(codes({ perDayAtto: 400_000n }), ['runway_short']);
  t.deepEqual(codes({ perDayAtto: 300_000n }), []);
  t.deepEqual(codes({ rules: { ...RULES, levelAtto: 0n }, walletAtto: 0n }), []);
  t.deepEqual(codes({ rules: { ...RULES, levelAtto: 0n }, freeAtto: 249_999n }), ['escrow_low']);
  const [byHand] = earlyWarnings({ ...ahead, rules: { ...RULES, levelAtto: 0n }, freeAtto: 0n });
  t.regex(byHand?.text ?? '', /market add --from OTHER_WALLET --address f1me AMOUNT does; sent from f1me itself it would freeze spending/);
  t.is(runwayDays({ ...ahead, perDayAtto: 400_000n }), 6.2);
  t.is(runwayDays({ ...ahead, perDayAtto: 400_000n, rules: { ...RULES, levelAtto: 0n } }), 1.2);
  t.is(runwayDays(ahead), undefined);
});

type MoneyEvent = { kind: 'add' | 'promise' | 'refuse' | 'publish' | 'pay' | 'release' | 'finality' | 'settled'; atto: bigint };

const MONEY_EVENTS = fc.array(
  fc.record({
    kind: fc.constantFrom<MoneyEvent['kind']>('add', 'promise', 'refuse', 'publish', 'pay', 'release', 'finality', 'settled'),
    atto: fc.bigInt(1n, 1_000n),
  }),
  { minLength: 1, maxLength: 60 },
);

/** Escrow at the head and at finality, and what is known of the deals that lock it. */
class Purse {
  escrow = 2_000n;
  locked = 0n;
  /** Not published yet. */
  open = 0n;
  /** Published at the head only. */
  unfinal = 0n;
  /** Let go at the head only. */
  unfinalReleased = 0n;
  /** Paid or let go, and not known to our deals: they learn it once it is final. */
  unknown = 0n;
  unfinalUnknown = 0n;
  final = { escrowAtto: 2_000n, lockedAtto: 0n };

  happen({ kind, atto }: MoneyEvent): void {
    const least = (limit: bigint): bigint => (atto < limit ? atto : limit);
    const room = this.escrow - this.locked - this.open;
    if (kind === 'add') this.escrow += atto;
    if (kind === 'promise') this.open += least(room);
    if (kind === 'refuse') this.open -= least(this.open);
    if (kind === 'publish') this.#publish(least(this.open));
    if (kind === 'pay') this.#unlock(least(this.locked), true);
    if (kind === 'release') this.#unlock(least(this.locked), false);
    if (kind === 'settled') this.unknown = this.unfinalUnknown;
    if (kind !== 'finality') return;
    this.final = { escrowAtto: this.escrow, lockedAtto: this.locked };
    [this.unfinal, this.unfinalReleased, this.unfinalUnknown] = [0n, 0n, 0n];
  }

  #publish(atto: bigint): void {
    this.open -= atto;
    this.locked += atto;
    this.unfinal += atto;
  }

  #unlock(atto: bigint, isPaid: boolean): void {
    this.locked -= atto;
    this.unknown += atto;
    this.unfinalUnknown += atto;
    if (isPaid) this.escrow -= atto;
    else this.unfinalReleased += atto;
  }

  get money(): Pick<EscrowInput, 'escrowAtto' | 'lockedAtto' | 'lockedAtMostAtto' | 'final'> {
    const { escrow, locked, open, unfinal, unknown, final } = this;
    const lockedAtMostAtto = locked + open + unknown;
    return { escrowAtto: escrow, lockedAtto: locked, lockedAtMostAtto, final: { ...final, mayComeAtto: open + unfinal } };
  }
}

testProp(
  'free is never what is locked, may yet be, or is again after a reorg; and all that is left once everything is final',
  [MONEY_EVENTS],
  (t, events) => {
    const purse = new Purse();
    for (const event of events) {
      purse.happen(event);
      const { escrow, locked, open, unfinalReleased } = purse;
      t.true(freeEscrow(purse.money) <= escrow - locked - open - unfinalReleased);
      if (event.kind === 'finality') t.is(freeEscrow(purse.money), escrow - locked - open);
    }
  },
);

// ---------------------------------------------------------------------------------------------------------------
// The book

const LOOK: BookLook = {
  wallet: 'f1me',
  epoch: 110,
  headEpoch: 1_010,
  atMs: 5,
  nonce: 7,
  walletAtto: 10_000_000n,
  escrowAtto: 0n,
  lockedAtto: 0n,
  nextNonce: 7,
  promisedAtto: 0n,
  newlyPromisedAtto: 0n,
  retryEpochs: 120,
};
const AFTER: BookLook = { ...LOOK, nonce: 8, nextNonce: 8, escrowAtto: 1_000_000n, walletAtto: 8_996_000n };

/** The lines of a step in few words, or why there are none. */
function stepped(book: EscrowBook | undefined, look: BookLook): string {
  const step = planBook(book, look);
  if (step.kind !== 'booked') return step.kind;
  return [...step.lines.map(({ kind, atto }) => `${kind} ${atto}`), step.book.message === undefined ? 'idle' : 'under way'].join(', ');
}

const BOOKED: readonly [what: string, book: EscrowBook | undefined, look: BookLook, step: string][] = [
  ['a new book begins with what is there', undefined, { ...LOOK, escrowAtto: 5n }, 'opening 5, idle'],
  ['and another wallet has a new one', BOOK, { ...LOOK, wallet: 'f1other' }, 'opening 0, idle'],
  ['the same epoch says nothing new', BOOK, { ...LOOK, epoch: 100, escrowAtto: 9n }, 'same'],
  ['nothing new is not written', BOOK, LOOK, 'same'],
  ['a message on its way stays', UNDER_WAY, { ...LOOK, promisedAtto: 1n }, 'under way'],
  [
    'a final top-up is added, and its gas is what left the wallet beside',
    UNDER_WAY,
    { ...AFTER, sight: FOUND },
    'added 1000000, gas 4000, idle',
  ],
  [
    'where a gift hides the gas, it counts as the most',
    UNDER_WAY,
    { ...AFTER, walletAtto: 9_500_000n, sight: FOUND },
    'added 1000000, gas 10000, idle',
  ],
  ['a node that does not say is waited for', UNDER_WAY, AFTER, 'same'],
  [
    'one that does not look back so far is answered by the escrow',
    UNDER_WAY,
    { ...AFTER, sight: NOWHERE },
    'added 1000000, gas 4000, idle',
  ],
  ['which may say no', UNDER_WAY, { ...AFTER, escrowAtto: 999_999n, sight: NOWHERE }, 'doubt'],
  ['a gift beside', UNDER_WAY, { ...AFTER, escrowAtto: 1_000_007n, sight: FOUND }, 'added 1000000, gas 4000, gift 7, idle'],
  [
    'a message that failed adds nothing',
    UNDER_WAY,
    { ...AFTER, escrowAtto: 0n, walletAtto: 9_996_000n, sight: { ...FOUND, receipt: { ...FOUND.receipt, exitCode: 6 } } },
    'gas 4000, idle',
  ],
  ['another message in its place is a doubt', UNDER_WAY, { ...AFTER, sight: { kind: 'other', said: '' } }, 'doubt'],
  ['as is a nonce beyond it', UNDER_WAY, { ...AFTER, nonce: 9, sight: FOUND }, 'doubt'],
  ['and one that nobody of us used', BOOK, { ...LOOK, nonce: 8 }, 'doubt'],
  [
    'payments lower escrow and locked alike',
    { ...BOOK, escrowAtto: 90n, lockedAtto: 50n },
    { ...LOOK, escrowAtto: 70n, lockedAtto: 30n },
    'paid 20, idle',
  ],
  ['what falls beyond was taken', { ...BOOK, escrowAtto: 90n, lockedAtto: 50n }, { ...LOOK, escrowAtto: 69n, lockedAtto: 30n }, 'doubt'],
  [
    'unless what is newly locked hides it',
    { ...BOOK, escrowAtto: 90n, lockedAtto: 50n, promisedAtto: 1n },
    { ...LOOK, escrowAtto: 69n, lockedAtto: 30n },
    'paid 21, idle',
  ],
  [
    'what the operator has accepted is withdrawn',
    { ...BOOK, escrowAtto: 90n, accepted: 'x' },
    { ...LOOK, nonce: 9, escrowAtto: 69n },
    'withdrawn 21, idle',
  ],
  ['also while the nonce is still to become final', { ...BOOK, accepted: 'x' }, { ...LOOK, nextNonce: 8, escrowAtto: 2n }, 'gift 2, idle'],
  ['and that at the same epoch', { ...BOOK, escrowAtto: 90n, accepted: 'x' }, { ...LOOK, epoch: 100 }, 'withdrawn 90, idle'],
  ['a nonce that somebody held when the book began, and gave up, is free again', { ...BOOK, nonce: 9 }, LOOK, 'idle'],
  ['and leaves a message of ours under way', { ...UNDER_WAY, accepted: 'x' }, { ...LOOK, escrowAtto: 1n }, 'gift 1, under way'],
];

for (const [what, book, look, step] of BOOKED) test(`the book: ${what}: ${step}`, (t) => t.is(stepped(book, look), step));

test('what was accepted stays accepted until the last nonce of then is final', (t) => {
  const step = planBook({ ...BOOK, accepted: 'x' }, { ...LOOK, nextNonce: 8 });
  if (step.kind !== 'booked') return t.fail(step.kind);
  t.like(step.book, { nonce: 8, accepted: 'x' });
  t.is(planBook(step.book, { ...LOOK, epoch: 111, nextNonce: 8 }).kind, 'same');
  t.is(planned({ book: step.book, nextNonce: 8 }), 'wait: in_doubt');
  const last = planBook(step.book, { ...LOOK, epoch: 112, nonce: 8, nextNonce: 8 });
  t.is(last.kind === 'booked' ? last.book.accepted : last.kind, undefined);
});

test('what somebody else has sent is counted in words', (t) => {
  const said = (nonce: number) => {
    const step = planBook(BOOK, { ...LOOK, nonce });
    return step.kind === 'doubt' ? step.trip.text : step.kind;
  };
  t.regex(said(8), /has sent 1 message more/);
  t.regex(said(9), /has sent 2 messages more/);
});

test('once we have sent something ourselves no nonce is given up', (t) => {
  const sent = { ...BOOK, nonce: 9, sums: { ...NO_ESCROW_SUMS, gas: 1n } };
  t.is(planBook(sent, LOOK).kind, 'same');
});

test('deals count on a top-up when every provider can have seen it', (t) => {
  const count = (book: EscrowBook | undefined, headEpoch = 1_003) => escrowForDeals(50n, book, headEpoch);
  const seen = (exitCode: number, height: number): EscrowBook => ({
    ...UNDER_WAY,
    escrowAtto: 20n,
    message: { ...MESSAGE, seen: { cid: 'bafy1', height, exitCode, gasUsed: 1 } },
  });
  t.is(count(undefined), 50n);
  t.is(count(BOOK), 50n);
  t.is(count({ ...UNDER_WAY, escrowAtto: 20n }), 20n);
  t.is(count({ ...UNDER_WAY, escrowAtto: 70n }), 50n);
  t.is(count(seen(0, 1_001)), 20n);
  t.is(count(seen(0, 1_000)), 50n);
  t.is(count(seen(6, 900)), 20n);
});

// ---------------------------------------------------------------------------------------------------------------
// Both together, over a chain that does what it likes

type Event =
  | { kind: 'blocks'; epochs: number; full: boolean }
  | { kind: 'forget' | 'restart' | 'silent' }
  | { kind: 'gift' | 'lock' | 'pay' | 'deposit'; atto: bigint };

const EVENTS = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('blocks' as const), epochs: fc.integer({ min: 1, max: 30 }), full: fc.boolean() }),
    fc.record({ kind: fc.constantFrom('forget' as const, 'restart' as const, 'silent' as const) }),
    fc.record({
      kind: fc.constantFrom('gift' as const, 'lock' as const, 'pay' as const, 'deposit' as const),
      atto: fc.bigInt(1n, 700_000n),
    }),
  ),
  { minLength: 5, maxLength: 80 },
);

/** A chain that is final at once, with one wallet whose messages all cost their whole gas. */
class Model {
  epoch = 1_000;
  wallet = 3_000_000n;
  escrow = 0n;
  locked = 0n;
  nonce = 0;
  pool: { nonce: number; valueAtto: bigint; gas: Gas; cid: string } | undefined;
  receipt: MessageSight = NOWHERE;
  book: EscrowBook | undefined;
  lines: EscrowLine[] = [];
  pushedEpoch: number | undefined;
  silent = false;
  sent = 0;

  happen(event: Event): void {
    if (event.kind === 'blocks') this.#blocks(event);
    if (event.kind === 'forget') this.pool = undefined;
    if (event.kind === 'restart') this.pushedEpoch = undefined;
    this.silent = event.kind === 'silent';
    if (event.kind === 'gift') this.escrow += event.atto;
    if (event.kind === 'deposit') this.wallet += event.atto;
    if (event.kind === 'lock' && this.escrow - this.locked >= event.atto) this.locked += event.atto;
    if (event.kind === 'pay' && this.locked >= event.atto) {
      this.locked -= event.atto;
      this.escrow -= event.atto;
    }
  }

  #blocks({ epochs, full }: { epochs: number; full: boolean }): void {
    this.epoch += epochs;
    if (this.pool === undefined || full || this.pool.nonce !== this.nonce) return;
    const { cid, valueAtto, gas } = this.pool;
    this.pool = undefined;
    this.nonce += 1;
    const isShort = this.wallet < valueAtto + feeAtMost(gas);
    this.wallet -= isShort ? 0n : valueAtto + feeAtMost(gas);
    this.escrow += isShort ? 0n : valueAtto;
    this.receipt = { kind: 'found', receipt: { cid, height: this.epoch, exitCode: isShort ? 6 : 0, gasUsed: 1 } };
  }

  look(): BookLook {
    const { epoch, nonce, wallet, escrow, locked } = this;
    const sight = this.book?.message === undefined || this.silent ? {} : { sight: this.receipt };
    const money = { walletAtto: wallet, escrowAtto: escrow, lockedAtto: locked };
    // Locks of the model are never announced: any of them may have hidden a payment.
    const promised = { promisedAtto: 0n, newlyPromisedAtto: 10n ** 9n };
    const nextNonce = nonce + (this.pool === undefined ? 0 : 1);
    return { ...LOOK, epoch, headEpoch: epoch, nonce, nextNonce, ...money, ...promised, ...sight };
  }
}

testProp('whatever happens: one message at a time, never above wallet or level, and a book that adds up', [EVENTS], (t, events) => {
  const model = new Model();
  for (const event of events) {
    model.happen(event);
    const look = model.look();
    const step = planBook(model.book, look);
    t.not(step.kind, 'doubt', 'nobody else uses this wallet');
    if (step.kind === 'booked') {
      model.book = step.book;
      model.lines.push(...step.lines);
      const sums = model.lines.reduce(withLine, NO_ESCROW_SUMS);
      t.deepEqual(step.book.sums, sums);
      t.is(step.book.escrowAtto, escrowBySums(sums));
      t.is(step.book.escrowAtto, model.escrow);
    }
    const { book } = model;
    if (book === undefined) continue;
    const head = { escrowAtto: model.escrow, lockedAtto: model.locked, walletAtto: model.wallet, nextNonce: look.nextNonce };
    const pushed = model.pushedEpoch === undefined ? {} : { pushedEpoch: model.pushedEpoch };
    const sight = look.sight === undefined || book.message === undefined ? {} : { sight: look.sight };
    const input = inputOf({ book, headEpoch: model.epoch, ...head, ...pushed, ...sight });
    const action = planEscrow(input);
    t.not(action.kind, 'doubt');
    act(t, model, book, input, action);
  }
});

type Assertions = { true(value: boolean): unknown; is<T>(a: T, b: T): unknown };

function act(t: Assertions, model: Model, book: EscrowBook, input: EscrowInput, action: ReturnType<typeof planEscrow>): void {
  const { message } = book;
  const newest = message?.versions.at(-1);
  if (action.kind === 'begin' && action.purpose.kind === 'top_up') {
    t.is(message, undefined);
    t.is(book.nonce, model.nonce);
    const { amountAtto } = action.purpose;
    t.true(amountAtto > 0n && amountAtto + RULES.maxFeeAtto <= model.wallet);
    t.true(freeEscrow(input) + amountAtto <= RULES.levelAtto);
    send(model, book, { purpose: action.purpose, nonce: book.nonce, versions: [] }, GAS);
  }
  if (message === undefined || newest === undefined) return;
  const gas = action.kind === 'replace' ? gasToReplace(newest.gas, GAS, RULES.maxFeeAtto) : undefined;
  if (gas !== undefined) send(model, book, message, gas);
  else if (action.kind === 'resend' || action.kind === 'replace') push(model, message, newest.cid, newest.gas);
}

function send(model: Model, book: EscrowBook, message: NonNullable<EscrowBook['message']>, gas: Gas): void {
  model.sent += 1;
  const cid = `bafy${model.sent}`;
  if (message.versions.length === 0) model.receipt = NOWHERE;
  const versions = [...message.versions, { cid, gas, body: {}, epoch: model.epoch }];
  model.book = { ...book, message: { ...message, versions } };
  push(model, message, cid, gas);
}

function push(model: Model, { nonce, purpose }: NonNullable<EscrowBook['message']>, cid: string, gas: Gas): void {
  model.pushedEpoch = model.epoch;
  if (nonce !== model.nonce || purpose.kind !== 'top_up') return;
  model.pool = { nonce, valueAtto: purpose.amountAtto, gas, cid };
}
