import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import type { components } from '../../spec/fbpd.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createColdDaemon } from '../fixtures/create-cold-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

type Drill = components['schemas']['Drill'];

const WAIT_MS = 90_000;

/** Contents of several blocks, each in a piece of its own and with copies at three providers. */
async function createWorld(t: ExecutionContext, contents: number) {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const { daemon, devnet, staging } = await createColdDaemon(t);
  await daemon.start();
  const story = new ColdStory({ daemon, devnet, random: createRandom(seed) });
  const client = await createKubo(t);
  const api = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const cids: string[] = [];
  for (let n = 0; n < contents; n += 1) {
    const cid = await client.addBytes(randomBytes(900_000), { cidVersion: 1 });
    await api.call('POST', '/pins', { cid, origins: client.swarmAddresses });
    await poll('it is in a piece', WAIT_MS, async () => {
      const [deal] = (await daemon.admin('GET', `/admin/deals?cid=${cid}`).then(({ body }) => body as { deals: unknown[] })).deals;
      return deal !== undefined;
    });
    cids.push(cid);
  }
  await story.settled(3, contents);
  return { daemon, devnet, staging, cids };
}

test.serial('contents come back from each provider alone; who lies or has lost them is named, and blamed', async (t) => {
  t.timeout(300_000);
  const { daemon, devnet, cids, staging } = await createWorld(t, 2);
  const good = await daemon.cli('drill', ...cids, '--json');
  t.is(good.code, 0, good.stderr);
  const drill = JSON.parse(good.stdout) as Drill;
  t.is(drill.copies.length, 6);
  t.true(drill.copies.every(({ end, bytes }) => end === 'ok' && bytes > 900_000));
  t.deepEqual(await readdir(staging).then((names) => names.filter((name) => name === 'drill')), []);
  const { body } = await daemon.admin('GET', '/admin/deals?state=active&limit=100');
  for (const deal of (body as { deals: components['schemas']['Deal'][] }).deals) t.truthy(deal.retrievalEvidence, deal.provider);
  const metrics = await (await fetch(`${daemon.apiUrl()}/metrics`)).text();
  t.regex(metrics, /fbpd_drill_copies\{provider="f0\d+",end="ok"\} [12]\n/);

  const [cid = ''] = cids;
  const [liar = '', loser = ''] = drill.copies.filter((copy) => copy.cid === cid).map(({ provider }) => provider);
  devnet.faults.provider(liar, { corruptBytes: true });
  devnet.faults.provider(loser, { loseBytes: true });
  const bad = await daemon.cli('drill', cid);
  t.is(bad.code, 1);
  t.log(bad.stdout);
  t.regex(bad.stderr, /2 of 3 copies did not come back/);
  const { last } = (await daemon.admin('GET', '/admin/drill')).body as { last: Drill };
  const ends = new Map(last.copies.map(({ provider, code }) => [provider, code]));
  t.is(ends.get(liar), 'wrong_bytes');
  t.is(ends.get(loser), 'refused');
  t.is([...ends.values()].filter((code) => code === 'done').length, 1);
});

test.serial('a daemon that is killed during a drill leaves no scratch, and drills again', async (t) => {
  t.timeout(300_000);
  const { daemon, devnet, staging } = await createWorld(t, 1);
  for (const { id } of devnet.providers) devnet.faults.provider(id, { hangRetrieval: true });
  const drilling = daemon.cli('drill');
  await poll('it is under way', WAIT_MS, async () => (await readdir(join(staging, 'drill')).catch(() => [])).length === 2);
  t.is((await daemon.cli('drill')).code, 1, 'one at a time');
  await daemon.kill('SIGKILL');
  t.is((await drilling).code, 1);
  await daemon.start();
  await t.throwsAsync(readdir(join(staging, 'drill')), { code: 'ENOENT' });
  devnet.faults.clear();
  const { body } = await daemon.admin('POST', '/admin/reconcile/drill');
  t.like(body, { due: 3, done: 3, failed: 0 });
});

test.serial('a daemon goes down at once in the middle of a drill', async (t) => {
  t.timeout(300_000);
  const { daemon, devnet, staging } = await createWorld(t, 1);
  for (const { id } of devnet.providers) devnet.faults.provider(id, { hangRetrieval: true });
  const drilling = daemon.cli('drill');
  await poll('it is under way', WAIT_MS, async () => (await readdir(join(staging, 'drill')).catch(() => [])).length === 2);
  await daemon.stop();
  t.not((await drilling).code, undefined);
  await t.throwsAsync(readdir(join(staging, 'drill')), { code: 'ENOENT' });
});
