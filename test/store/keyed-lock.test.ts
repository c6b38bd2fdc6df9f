import test from 'ava';

import { KeyedLock } from '../../daemon/store/pins/keyed-lock.ts';

test('tasks of one key run one after the other, in order', async (t) => {
  const lock = new KeyedLock();
  const steps: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run(['a'], async () => {
    await gate.promise;
    steps.push('first');
  });
  const second = lock.run(['a'], async () => steps.push('second'));
  const other = lock.run(['b'], async () => steps.push('other'));
  await other;
  gate.resolve();
  await Promise.all([first, second]);
  t.deepEqual(steps, ['other', 'first', 'second']);
});

test('tasks that take the same keys in different orders do not wait for each other for ever', async (t) => {
  const lock = new KeyedLock();
  let ran = 0;
  const task = async (): Promise<void> => {
    await Promise.resolve();
    ran += 1;
  };
  await Promise.all(Array.from({ length: 50 }, (_, index) => lock.run(index % 2 === 0 ? ['a', 'b'] : ['b', 'a', 'b'], task)));
  t.is(ran, 50);
});

test('a task that fails lets the next one go', async (t) => {
  const lock = new KeyedLock();
  await t.throwsAsync(
    lock.run(['a'], () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.is(await lock.run(['a'], async () => 1), 1);
});
