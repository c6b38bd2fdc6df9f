import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { Pin } from '../../daemon/domain/pin.ts';
import type { FetchOutcome, PinStore } from '../../daemon/domain/ports.ts';
import type { LevelStore } from '../../daemon/store/level-store.ts';
import { COUNTED_TYPES } from '../../daemon/store/pin-store.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { openTestPins, StepClock } from '../fixtures/create-pin-store.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { createRandom, type Random, testSeed } from '../fixtures/random.ts';
import { Dead, MortalStore } from './mortal-store.ts';
import { checkPinInvariants } from './pin-invariants.ts';

const ACCOUNTS = ['alice', 'bob', 'carol'];
const CONTENTS = Array.from({ length: 6 }, (_, number) => createContentKey(number));
const REASON = { code: 'stalled', text: 'no block for a while' };

/** What survives the process: the disk, the hot tier, and what callers were told. */
class World {
  readonly store: LevelStore;
  readonly clock = new StepClock();
  readonly random: Random;
  /** Pins in the hot tier. */
  readonly hot = new Set<string>();
  /** What the hot tier has lost and nobody may have noticed. */
  readonly lost = new Set<string>();
  /** Pins whose acceptance was told, and whose removal was not. */
  readonly accepted = new Map<string, Pin>();
  /** Pins of which somebody began to remove or replace; only an answer says how that ended. */
  readonly leaving = new Set<string>();
  readonly removed = new Set<string>();
  /** Contents that a fetch or an unpin of this life deals with. */
  busy = new Set<string>();

  constructor(store: LevelStore, seed: number) {
    this.store = store;
    this.random = createRandom(seed);
  }
}

test('a process that dies at any commit loses nothing that was answered, and the next one goes on from there', async (t) => {
  t.timeout(300_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  for (let round = 0; round < 25; round++) {
    const store = await createTestStore(t, { countedTypes: COUNTED_TYPES });
    const world = new World(store, seed + round);
    for (let life = 0; life < 4; life++) await liveAndDie(t, world);
    await settle(t, world);
    await store.close();
  }
  t.pass();
});

/** One process, from its start to its death. */
async function liveAndDie(t: ExecutionContext, world: World): Promise<void> {
  const { random } = world;
  const death = { commits: 1 + random.below(80), when: random.pick(['before', 'after'] as const) };
  const mortal = new MortalStore(world.store, death);
  await untilDead(async () => {
    const pins = await openTestPins(mortal, world.clock);
    await checkSurvivors(t, world, pins);
    await pins.recoverFetches();
    world.busy = new Set();
    const workers = [fetching(t, world, pins, mortal), fetching(t, world, pins, mortal), releasing(t, world, pins, mortal)];
    const clients = ACCOUNTS.flatMap((accountId) => [asking(world, pins, accountId, mortal), asking(world, pins, accountId, mortal)]);
    await Promise.all([...workers, ...clients, taking(world, pins, mortal)].map(untilDead));
  });
  t.true(mortal.isDead);
}

/** Everything that was answered is there, everything that is called pinned is held, and nothing contradicts itself. */
async function checkSurvivors(t: ExecutionContext, world: World, pins: PinStore): Promise<void> {
  const { store, hot, accepted, leaving, removed, lost } = world;
  const all = new Map((await checkPinInvariants(t, store, pins)).map((pin) => [pin.requestId, pin]));
  for (const [requestId, pin] of accepted) {
    if (leaving.has(requestId)) continue;
    t.like(all.get(requestId), { accountId: pin.accountId, cid: pin.cid, createdMs: pin.createdMs }, 'an accepted pin is there');
  }
  for (const requestId of removed) t.false(all.has(requestId), 'a removed pin is gone');
  for (const { key } of await collect(pins.held())) {
    t.true(hot.has(key) || lost.has(key), `${key} is called pinned and is held`);
    if (!hot.has(key)) t.true(await pins.vanished(key));
  }
  lost.clear();
}

/** In the end everything is fetched that somebody wants, and nothing else is held. */
async function settle(t: ExecutionContext, world: World): Promise<void> {
  const pins = await openTestPins(world.store, world.clock);
  await checkSurvivors(t, world, pins);
  for (const contentKey of CONTENTS) await pins.unblock(contentKey);
  for (const pin of await checkPinInvariants(t, world.store, pins)) await pins.retry(pin);
  await pins.recoverFetches();
  for (let rest = true; rest; ) {
    world.clock.tick(1_000);
    for (const { key } of await pins.releasing(10)) {
      world.hot.delete(key);
      await pins.released(key);
    }
    for (const accountId of pins.queuedAccounts()) {
      for (let { next } = await pins.nextQueued(accountId, () => false); next; { next } = await pins.nextQueued(accountId, () => false)) {
        t.true(await pins.beginFetch(next.content.key, 'ours'));
        world.hot.add(next.content.key);
        t.true(await pins.endFetch(next.content.key, { kind: 'pinned', sizeBytes: 1, blocks: 1 }));
      }
    }
    rest = pins.queuedAccounts().length > 0 || (await pins.releasing(1)).length > 0;
  }
  const all = await checkPinInvariants(t, world.store, pins);
  for (const pin of all) t.is(pin.status, 'pinned');
  t.deepEqual([...world.hot].sort(), [...new Set(all.map(({ contentKey }) => contentKey))].sort());
  t.deepEqual((await collect(pins.held())).map(({ key }) => key).sort(), [...world.hot].sort());
}

/** The pin reconciler. It may be told to stop a fetch at any time, and may not hear of it in time. */
async function fetching(t: ExecutionContext, world: World, pins: PinStore, mortal: MortalStore): Promise<void> {
  const random = world.random.fork('fetching');
  const unwanted = new Set<string>();
  pins.onUnwanted((contentKey) => unwanted.add(contentKey));
  while (!mortal.isDead) {
    await pause(random);
    world.clock.tick();
    const accounts = pins.queuedAccounts();
    if (accounts.length === 0) continue;
    const { next } = await pins.nextQueued(random.pick(accounts), (contentKey) => world.busy.has(contentKey));
    if (next === undefined) continue;
    const { key } = next.content;
    if (!(await pins.beginFetch(key, 'ours'))) continue;
    t.false(world.busy.has(key), 'nothing else happens to a content that is fetched');
    world.busy.add(key);
    unwanted.delete(key);
    await pause(random);
    const outcome = unwanted.has(key) ? later(world) : random.pick([pinned, pinned, failed, later])(world);
    if (outcome.kind === 'pinned') world.hot.add(key);
    await pause(random);
    if (mortal.isDead) return;
    world.busy.delete(key);
    await pins.endFetch(key, outcome);
  }
}

async function releasing(t: ExecutionContext, world: World, pins: PinStore, mortal: MortalStore): Promise<void> {
  const random = world.random.fork('releasing');
  while (!mortal.isDead) {
    await pause(random);
    for (const { key, owner } of await pins.releasing(3)) {
      t.is(owner, 'ours');
      t.false(world.busy.has(key), 'nothing else happens to a content that is unpinned');
      world.busy.add(key);
      await pause(random);
      world.hot.delete(key);
      await pause(random);
      if (mortal.isDead) return;
      world.busy.delete(key);
      await pins.released(key);
    }
  }
}

/** A client that adds, replaces and removes, and notes what it was told. */
async function asking(world: World, pins: PinStore, accountId: string, mortal: MortalStore): Promise<void> {
  const random = world.random.fork(accountId);
  while (!mortal.isDead) {
    await pause(random);
    const own = [...world.accepted.values()].filter((pin) => pin.accountId === accountId && !world.leaving.has(pin.requestId));
    const request = createPinRequest(0, { contentKey: random.pick(CONTENTS) });
    try {
      if (own.length < 3 || random.next() < 0.4) {
        const pin = await pins.add(accountId, request);
        world.accepted.set(pin.requestId, pin);
        continue;
      }
      const { requestId } = random.pick(own);
      world.leaving.add(requestId);
      if (random.next() < 0.5) await pins.remove(accountId, requestId);
      else {
        const pin = await pins.replace(accountId, requestId, request);
        world.accepted.set(pin.requestId, pin);
      }
      world.removed.add(requestId);
    } catch (error) {
      if (!isFbpdError(error, 'CID_BLOCKED')) throw error;
    }
  }
}

/** The operator, and a hot tier that loses things. */
async function taking(world: World, pins: PinStore, mortal: MortalStore): Promise<void> {
  const random = world.random.fork('taking');
  while (!mortal.isDead) {
    for (let wait = 0; wait < 20; wait++) await pause(random);
    const contentKey = random.pick(CONTENTS);
    if (random.next() < 0.5) await pins.block(contentKey, '');
    await pause(random);
    await pins.unblock(contentKey);
    const lost = random.pick(CONTENTS);
    if ((await pins.content(lost))?.hot !== 'pinned' || world.busy.has(lost)) continue;
    world.hot.delete(lost);
    world.lost.add(lost);
    await pins.vanished(lost);
  }
}

const pinned = (): FetchOutcome => ({ kind: 'pinned', sizeBytes: 1, blocks: 1 });
const failed = (): FetchOutcome => ({ kind: 'failed', reason: REASON });
const later = ({ clock }: World): FetchOutcome => ({ kind: 'later', notBeforeMs: clock.ms + 2, reason: REASON });

/** Some turns of the event loop, so that everybody meets everybody in every order. */
async function pause(random: Random): Promise<void> {
  for (let turns = random.below(4); turns >= 0; turns--) await setImmediate();
}

async function untilDead(life: Promise<void> | (() => Promise<void>)): Promise<void> {
  try {
    await (typeof life === 'function' ? life() : life);
  } catch (error) {
    if (!(error instanceof Dead)) throw error;
  }
}
