import { setTimeout } from 'node:timers/promises';
import test from 'ava';

import { PROVIDERS, SENT, TestCold } from '../fixtures/create-cold-reconcilers.ts';

/** More than verify looks at side by side. */
const SLOW = 9;
/** Longer than anybody has patience. */
const WAIT_MS = 20_000;

test('deals that are sent again to a provider that lets us wait keep verify from no other deal', async (t) => {
  const cold = await TestCold.create({ policy: { replicas: { min: 1, target: 1 } } });
  const only = (provider: string): void => void Object.assign(cold.policy, { excluded: PROVIDERS.filter((one) => one !== provider) });
  only('f01');
  cold.maker.reply = () => 'silence';
  for (let number = 1; number <= SLOW; number += 1) await cold.build(number);
  await cold.pass('create');
  only('f02');
  cold.maker.reply = () => SENT;
  const other = await cold.build(SLOW + 1);
  await cold.pass('create');
  for (const deal of await cold.deals(other)) await cold.publish(deal);
  const { promise, resolve } = Promise.withResolvers<typeof SENT>();
  cold.maker.reply = () => promise;
  cold.advance(cold.rules.pollCapEpochs + 1);
  const passing = cold.pass('verify');
  const isActive = async (): Promise<boolean> => (await cold.deals(other))[0]?.state === 'active';
  for (let waitedMs = 0; waitedMs < WAIT_MS && !(await isActive()); waitedMs += 5) await setTimeout(5);
  t.true(await isActive());
  resolve(SENT);
  await passing;
});
