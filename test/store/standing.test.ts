import test from 'ava';

import { createTestPinStore } from '../fixtures/create-pin-store.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';

const KEY = createContentKey(1);

test('how a content stands with an account follows its pins', async (t) => {
  const { pins } = await createTestPinStore(t);
  t.deepEqual(await pins.standing(KEY, 'alice'), { content: undefined, status: undefined, isPinned: false, isBlocked: false });
  const { requestId } = await pins.add('alice', createPinRequest(1));
  t.like(await pins.standing(KEY, 'alice'), { status: 'queued', isPinned: true, content: { hot: 'wanted', pins: 1 } });
  t.false((await pins.standing(KEY, 'bob')).isPinned);
  t.false((await pins.standing(KEY, 'alic')).isPinned, 'a part of a name is another name');
  t.true((await pins.standing(KEY)).isPinned, 'somebody pins it');
  await pins.beginFetch(KEY, 'ours');
  t.is((await pins.standing(KEY, 'alice')).status, 'pinning');
  await pins.endFetch(KEY, { kind: 'pinned', sizeBytes: 5, blocks: 1 });
  t.like(await pins.standing(KEY, 'bob'), { status: 'pinned', isPinned: false, content: { hot: 'pinned' } });
  await pins.remove('alice', requestId);
  t.like(await pins.standing(KEY), { isPinned: false, content: { hot: 'releasing', pins: 0 } });
});

test('a block shows on what is pinned and on what is not', async (t) => {
  const { pins } = await createTestPinStore(t);
  await pins.block(KEY, 'asked to');
  t.like(await pins.standing(KEY, 'alice'), { content: undefined, isBlocked: true });
  await pins.unblock(KEY);
  await pins.add('alice', createPinRequest(1));
  await pins.block(KEY, 'asked to');
  t.like(await pins.standing(KEY, 'alice'), { isPinned: true, isBlocked: true, status: 'failed' });
});

test('who pins a content is known at once, however pins of it come and go', async (t) => {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const { pins } = await createTestPinStore(t);
  const accounts = ['alice', 'bob', 'carol'];
  const held: { accountId: string; requestId: string; number: number }[] = [];
  for (let step = 0; step < 300; step++) {
    const number = random.below(3);
    const accountId = accounts[random.below(accounts.length)] ?? '';
    const one = held[random.below(held.length)];
    const what = random.below(9);
    if (one === undefined || what < 3) {
      const { requestId } = await pins.add(accountId, createPinRequest(number));
      held.push({ accountId, requestId, number });
    } else if (what < 5) {
      await pins.beginFetch(createContentKey(number), 'ours');
      await pins.endFetch(createContentKey(number), { kind: 'pinned', sizeBytes: 5, blocks: 1 });
    } else if (what < 7) {
      const { requestId } = await pins.replace(one.accountId, one.requestId, createPinRequest(number));
      Object.assign(one, { requestId, number });
    } else {
      await pins.remove(one.accountId, one.requestId);
      held.splice(held.indexOf(one), 1);
    }
    for (const account of accounts) {
      const isPinned = held.some((pin) => pin.accountId === account && pin.number === number);
      t.is((await pins.standing(createContentKey(number), account)).isPinned, isPinned, `${account}, ${number}, step ${step}`);
    }
  }
});
