import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { ColdOfContent } from '../../daemon/domain/cold-store-port.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import { planDeals } from '../../daemon/plan/deals.ts';
import { isInForce, isMostlyDead, planRepacking, type RepackPlan, type WantedMember } from '../../daemon/plan/repack.ts';
import { createDeal, createPiece, createPolicy, createProvider } from '../fixtures/create-cold.ts';

const MIB = 2 ** 20;
const POLICY = createPolicy({ maxWaitMs: 60_000 });
const END = 10_100;
/** Copies are renewed from here on. */
const RENEWAL = END - 1_000;
/** Half of that is left. */
const DEADLINE = END - 500;
const PROVIDERS = ['f01', 'f02', 'f03', 'f04', 'f05', 'f06'].map((id) => createProvider(id));

/** Ten contents of 1 MiB, the last `wanted` of which are. */
function pieceWith(wanted: number, change: Partial<Piece> = {}): Piece {
  return createPiece({
    members: Array.from({ length: 10 }, (_, n) => ({
      contentKey: `c${n}`,
      sizeBytes: MIB,
      ...(n < 10 - wanted ? { gone: true as const } : {}),
    })),
    ...change,
  });
}

const REPACKING: Partial<Piece> = { repack: { sinceEpoch: RENEWAL } };
const ACTIVE = [1, 2, 3].map((n) => createDeal(n));

function planOf(piece: Piece, deals: readonly Deal[], headEpoch: number, policy = POLICY) {
  return planDeals({
    piece,
    deals,
    policy,
    providers: PROVIDERS,
    headEpoch,
    money: { perDayAtto: 10n ** 18n, perDealAtto: 10n ** 18n, committedTodayAtto: 0n },
    rules: { startLeadEpochs: 100, retryEpochs: 20, trusted: PROVIDERS.map(({ id }) => id) },
  });
}

const reasonsOf = ({ proposals }: ReturnType<typeof planOf>): string[] => proposals.map(({ reason }) => reason);

for (const [what, piece, policy, expected] of [
  ['all of it is wanted', pieceWith(10), POLICY, false],
  ['half of it is wanted', pieceWith(5), POLICY, false],
  ['less than half is', pieceWith(4), POLICY, true],
  ['less than half is, and the policy wants none repacked', pieceWith(4), createPolicy({ repackBelow: 0 }), false],
  ['as much is as the policy lets go', pieceWith(2), createPolicy({ repackBelow: 0.2 }), false],
  ['none of it is: it is retired', pieceWith(0), POLICY, false],
  ['what is left would need as large a piece', pieceWith(4, { built: { ...built(), pieceSizeBytes: 4 * MIB } }), POLICY, false],
  [
    'its contents share so much that little goes with the dead ones',
    pieceWith(4, { built: { ...built(), carSizeBytes: 5 * MIB } }),
    POLICY,
    false,
  ],
  ['a huge content is wanted beside many dead ones', hugeBesideDead(), POLICY, false],
] as const) {
  test(`mostly dead, ${expected ? 'yes' : 'no'}: ${what}`, (t) => t.is(isMostlyDead(piece, policy), expected));
}

function built(): NonNullable<Piece['built']> {
  return { rootCid: 'bafyroot', pieceCid: 'baga-1', carSizeBytes: 10 * MIB, pieceSizeBytes: 16 * MIB };
}

function hugeBesideDead(): Piece {
  const dead = Array.from({ length: 900 }, (_, n) => ({ contentKey: `dead${n}`, sizeBytes: 100, gone: true as const }));
  return createPiece({ members: [...dead, { contentKey: 'huge', sizeBytes: 9 * MIB }] });
}

test('no copy of a mostly dead piece is renewed; one that is half wanted is', (t) => {
  const dead = planOf(pieceWith(2), ACTIVE, RENEWAL);
  t.deepEqual(dead.proposals, []);
  t.is(dead.next.code, 'repacking');
  t.regex(dead.next.text, new RegExp(`${DEADLINE}`));
  t.deepEqual(dead.look, { queue: dead.look?.queue ?? 'create', epoch: RENEWAL + 20 });
  t.true(dead.repacks);
  const alive = planOf(pieceWith(5), ACTIVE, RENEWAL);
  t.deepEqual(reasonsOf(alive), ['expiring', 'expiring', 'expiring']);
  t.is(alive.repacks, undefined);
});

test('until its copies end soon a mostly dead piece is left alone', (t) => {
  const plan = planOf(pieceWith(2), ACTIVE, RENEWAL - 1);
  t.like(plan, { proposals: [], next: { code: 'enough' }, look: { epoch: RENEWAL } });
  t.is(plan.repacks, undefined);
});

test('where no time is left for another piece, it is renewed', (t) => {
  // A minute of waiting, the lead of its deals, and then the half of `renew_before` that is kept for renewing it after all.
  t.is(planOf(pieceWith(2), ACTIVE, DEADLINE - 103).next.code, 'repacking');
  t.is(planOf(pieceWith(2), ACTIVE, DEADLINE - 102).proposals.length, 3);
  t.is(planOf(pieceWith(2), ACTIVE, RENEWAL, createPolicy({ maxWaitMs: 24 * 3_600_000 })).proposals.length, 3);
});

test('copies that are missing or lost are made all the same, and only they', (t) => {
  const [first, second] = ACTIVE as [Deal, Deal, Deal];
  const lost = planOf(pieceWith(2), [first, second, createDeal(3, { state: 'lost' })], RENEWAL);
  t.deepEqual(reasonsOf(lost), ['lost']);
  t.true((lost.look?.epoch ?? Number.POSITIVE_INFINITY) <= RENEWAL + 20);
  t.deepEqual(reasonsOf(planOf(pieceWith(2), [first], RENEWAL)), ['missing', 'missing']);
  t.deepEqual(reasonsOf(planOf(pieceWith(2), [], RENEWAL)), ['missing', 'missing', 'missing']);
  t.deepEqual(reasonsOf(planOf(pieceWith(2, REPACKING), [first, second, createDeal(3, { state: 'lost' })], DEADLINE + 1)), ['lost']);
});

test('while it is being repacked nothing is renewed; what was given up is, and no sooner repacked than half a term later', (t) => {
  t.deepEqual(planOf(pieceWith(2, REPACKING), ACTIVE, DEADLINE + 100).proposals, []);
  const givenUp = { repack: { sinceEpoch: RENEWAL, givenUpEpoch: DEADLINE } };
  t.is(planOf(pieceWith(2, givenUp), ACTIVE, DEADLINE).proposals.length, 3);
  const renewed = [4, 5, 6].map((n) => createDeal(n, { terms: { ...createDeal(n).terms, endEpoch: 2 * END } }));
  t.is(planOf(pieceWith(2, givenUp), renewed, 2 * END - 1_000).next.code, 'repacking');
});

/** A content in the piece, and perhaps in others. */
function memberOf(change: Partial<WantedMember> = {}, ...others: Partial<ColdOfContent['pieces'][number]>[]): WantedMember {
  const shown = {
    policy: 'default',
    state: 'built' as const,
    summary: { min: 2, target: 3, active: 3, pending: 0 },
    next: { code: '', text: '' },
  };
  const old = { ...shown, id: 'piece-1', ...REPACKING };
  const cold = { pieces: [old, ...others.map((other, n) => ({ ...shown, id: `newer-${n}`, ...other }))] };
  return { contentKey: 'a', hot: 'pinned', cold, ...change };
}

const newer = (active: number, change: Partial<ColdOfContent['pieces'][number]> = {}) => ({
  ...change,
  summary: { min: 2, target: 3, active, pending: 0 },
});
const WAITS = { waiting: { contentKey: 'a', policy: 'default', sizeBytes: 1, sinceMs: 0 }, ...memberOf().cold };

function look(
  wanted: readonly WantedMember[],
  headEpoch: number,
  change: Partial<Piece> = REPACKING,
  deals: readonly Deal[] = ACTIVE,
): RepackPlan {
  return planRepacking({ piece: pieceWith(2, change), deals, policy: POLICY, headEpoch, begins: false, wanted });
}

test('it begins with a mark; what is hot is looked at so that it waits, what is not is brought back first', (t) => {
  const members = [memberOf({ contentKey: 'h' }), memberOf({ contentKey: 'c', hot: 'cold' }), memberOf({ contentKey: 'w', hot: 'wanted' })];
  const plan = planRepacking({ piece: pieceWith(3), deals: ACTIVE, policy: POLICY, headEpoch: RENEWAL, begins: true, wanted: members });
  t.like(plan, { kind: 'begin', list: ['h'], warm: ['c'], after: { state: 'built', repack: { sinceEpoch: RENEWAL } } });
  t.deepEqual(plan.list.length + plan.warm.length, 2);
});

test('what waits already, or is in another piece, is left to come there', (t) => {
  const coming = [
    memberOf({ cold: WAITS }),
    memberOf({}, { state: 'sealed' }),
    memberOf({}, newer(0)),
    memberOf({ hot: 'cold' }, newer(1)),
  ];
  t.like(look(coming, RENEWAL + 10), { kind: 'go_on', list: { length: 0 }, warm: { length: 0 } });
});

test('it is retired when a newer piece has all copies of each content, and not when one of them lacks any', (t) => {
  const kept = memberOf({}, newer(3));
  t.like(look([kept, kept], RENEWAL + 10), { kind: 'retire', after: { state: 'retired', next: { code: 'repacked' } } });
  t.is(look([kept, kept], RENEWAL + 10).after.repack?.doneEpoch, RENEWAL + 10);
  for (const other of [memberOf(), memberOf({ cold: WAITS }), memberOf({}, newer(2)), memberOf({}, newer(3, { state: 'sealed' }))])
    t.is(look([kept, other], RENEWAL + 10).kind, 'go_on');
});

test('what was cut meanwhile is as safe elsewhere as the worst of its parts', (t) => {
  const part = (index: number, active: number, change = {}) =>
    newer(active, { part: { cut: 'a cut', index, of: 2, pieceBytesMax: MIB, from: 0, to: 1 }, ...change });
  t.is(look([memberOf({}, part(0, 3), part(1, 3))], RENEWAL + 10).kind, 'retire');
  for (const other of [part(1, 2), part(1, 3, { state: 'sealed' }), part(0, 3)])
    t.is(look([memberOf({}, part(0, 3), other)], RENEWAL + 10).kind, 'go_on');
});

test('neither an older piece takes over, nor one of another policy, nor one that is retired or being repacked itself', (t) => {
  const older = memberOf({}, newer(3));
  const turned: WantedMember = { ...older, cold: { pieces: older.cold.pieces.toReversed() } };
  const others = [{ policy: 'other' }, { state: 'retired' as const }, REPACKING].map((change) => memberOf({}, newer(3, change)));
  for (const member of [turned, ...others]) t.is(look([member], RENEWAL + 10).kind, 'go_on');
});

test('without the copies it must have elsewhere it is renewed after all, in time', (t) => {
  const waits = memberOf({ contentKey: 'w', cold: WAITS });
  t.is(look([waits], DEADLINE - 1).kind, 'go_on');
  const plan = look([waits, memberOf({ contentKey: 'n' }, newer(1))], DEADLINE);
  t.like(plan, { kind: 'give_up', after: { repack: { sinceEpoch: RENEWAL, givenUpEpoch: DEADLINE } } });
  t.deepEqual(plan.list, ['w', 'n'], 'what waits, or is about to, is to wait no more');
  t.is(look([memberOf({}, newer(2))], DEADLINE).kind, 'go_on', 'min is there, and the rest is on its way');
});

test('when so much is pinned again that it is worth renewing, it is renewed', (t) => {
  const members = pieceWith(6).members;
  t.is(look([memberOf({ cold: WAITS })], RENEWAL + 10, { ...REPACKING, members }).kind, 'give_up');
});

test('when its last copy has ended, another piece is enough; without one it is made anew', (t) => {
  const ended = ACTIVE.map((deal) => ({ ...deal, state: 'expired' as const }));
  t.is(look([memberOf({}, newer(0))], END + 1, REPACKING, ended).kind, 'retire');
  t.is(look([memberOf({ cold: WAITS })], END + 1, REPACKING, ended).kind, 'give_up');
});

test('a piece that was renewed after all goes as soon as the newer one has all its copies', (t) => {
  const givenUp = { repack: { sinceEpoch: RENEWAL, givenUpEpoch: DEADLINE } };
  t.is(look([memberOf({}, newer(2))], DEADLINE + 100, givenUp).kind, 'nothing');
  t.is(look([memberOf({}, newer(3))], DEADLINE + 100, givenUp).kind, 'retire');
});

const anyOther = fc.record({
  policy: fc.constantFrom('default', 'default', 'other'),
  state: fc.constantFrom('sealed', 'built', 'built', 'retired'),
  active: fc.nat(4),
  repack: fc.constantFrom(undefined, { sinceEpoch: 1 }, { sinceEpoch: 1, givenUpEpoch: 2 }),
});
const anyMember = fc.tuple(fc.array(anyOther, { maxLength: 3 }), fc.boolean(), fc.constantFrom('pinned', 'cold', 'failed'));

testProp(
  'whatever there is: old copies are left only for as many in a newer piece in force, and in time there is one way or the other',
  [fc.array(anyMember, { minLength: 1, maxLength: 4 }), fc.integer({ min: RENEWAL, max: END }), fc.boolean()],
  (t, drawn, headEpoch, isWaiting) => {
    const wanted = drawn.map(([others, waits, hot], n): WantedMember => {
      const cold = memberOf({}, ...others.map(({ active, repack, ...one }) => newer(active, { ...one, ...(repack && { repack }) }))).cold;
      return { contentKey: `c${n}`, hot: hot as 'cold', cold: waits && isWaiting ? { ...WAITS, pieces: cold.pieces } : cold };
    });
    const { kind, after, list, warm } = look(wanted, headEpoch);
    const copies = wanted.map(({ cold }) =>
      Math.max(
        0,
        ...cold.pieces
          .slice(1)
          .map((one) => (one.state === 'built' && one.policy === 'default' && isInForce(one) ? one.summary.active : 0)),
      ),
    );
    if (kind === 'retire') t.true(copies.every((active) => active >= 3));
    else t.is(after.state, 'built');
    if (headEpoch >= DEADLINE && kind === 'go_on') t.true(copies.every((active) => active >= 2));
    for (const key of list) t.is(wanted.find(({ contentKey }) => contentKey === key)?.hot === 'pinned' || kind === 'give_up', true);
    for (const key of warm) t.is(wanted.find(({ contentKey }) => contentKey === key)?.hot, 'cold');
  },
);
