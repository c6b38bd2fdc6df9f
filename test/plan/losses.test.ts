import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { ChainView } from '../../daemon/domain/cold-ports.ts';
import type { ChainMemory } from '../../daemon/domain/cold-store-port.ts';
import { type Loss, otherChain, tripByFunds, tripByLosses, tripByWallet } from '../../daemon/plan/losses.ts';

const WINDOW = 100;
const HEAD = 10_000;
const VIEW: ChainView = { network: 'net', genesisCid: 'bafy', headEpoch: HEAD, finalizedEpoch: HEAD - 10, finalizedKey: [] };
const MEMORY: ChainMemory = { network: 'net', genesisCid: 'bafy', finalizedEpoch: HEAD - 10, wallet: 'f1me' };

const lossesOf = (...owners: string[]): Loss[] => owners.map((owner) => ({ owner, epoch: HEAD }));

test('one owner may lose everything, and two together: that is repaired without anybody', (t) => {
  t.is(tripByLosses(lossesOf(...Array(500).fill('a')), HEAD, WINDOW), undefined);
  t.is(tripByLosses(lossesOf('a', 'b', 'a', 'b'), HEAD, WINDOW), undefined);
  t.is(tripByLosses([], HEAD, WINDOW), undefined);
});

test('a third owner within the window stops spending, and the text says how many there are and what to do', (t) => {
  const trip = tripByLosses(lossesOf('a', 'b', 'c'), HEAD, WINDOW);
  t.is(trip?.code, 'losses');
  t.regex(trip?.text ?? '', /\b3 owners\b.*unfreeze/);
});

test('losses count for the window, its last epoch included', (t) => {
  const old = (epoch: number): Loss[] => [{ owner: 'a', epoch }, ...lossesOf('b', 'c')];
  t.is(tripByLosses(old(HEAD - WINDOW), HEAD, WINDOW)?.code, 'losses');
  t.is(tripByLosses(old(HEAD - WINDOW - 1), HEAD, WINDOW), undefined);
});

test('a store that has seen no chain yet belongs to any', (t) => {
  t.is(otherChain(VIEW, undefined, 10), undefined);
  t.is(tripByWallet('f1other', undefined), undefined);
});

test('a chain that goes back within finality is the same one; beyond that it is a younger one', (t) => {
  t.is(otherChain({ ...VIEW, finalizedEpoch: HEAD - 20 }, MEMORY, 10), undefined);
  t.regex(otherChain({ ...VIEW, finalizedEpoch: HEAD - 21 }, MEMORY, 10) ?? '', /younger/);
});

test('network and genesis must both be those of the store', (t) => {
  t.regex(otherChain({ ...VIEW, network: 'else' }, MEMORY, 10) ?? '', /network else/);
  t.regex(otherChain({ ...VIEW, genesisCid: 'bafyelse' }, MEMORY, 10) ?? '', /bafyelse/);
});

test('another wallet stops spending; one that the node did not name says nothing', (t) => {
  t.is(tripByWallet('f1other', MEMORY)?.code, 'ledger');
  t.is(tripByWallet('f1me', MEMORY), undefined);
  t.is(tripByWallet(undefined, MEMORY), undefined);
});

test('money locked for deals that the store does not know means an older store; money taken means another hand', (t) => {
  t.like(tripByFunds('locked', 2n * 10n ** 18n), { code: 'store_older' });
  t.like(tripByFunds('withdrawn', 2n * 10n ** 18n), { code: 'ledger' });
  for (const kind of ['locked', 'withdrawn'] as const) t.regex(tripByFunds(kind, 2n * 10n ** 18n).text, /\b2 FIL/);
});

testProp(
  'spending stops precisely when more than two owners have lost copies lately, in whatever order they come',
  [fc.array(fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), epoch: fc.integer({ min: HEAD - 2 * WINDOW, max: HEAD }) }))],
  (t, losses) => {
    const owners = new Set(losses.filter(({ epoch }) => epoch >= HEAD - WINDOW).map(({ owner }) => owner)).size;
    t.is(tripByLosses(losses, HEAD, WINDOW) !== undefined, owners > 2);
    t.deepEqual(tripByLosses(losses.toReversed(), HEAD, WINDOW), tripByLosses(losses, HEAD, WINDOW));
  },
);
