import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import { createColdDaemon, SHORT_DEAL } from '../fixtures/create-cold-daemon.ts';
import { createIpfsCli } from '../fixtures/create-ipfs-cli.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

const COPIES = 3;

test.serial('from ipfs pin remote add to renewed deals, through deaths of the daemon and of a provider', async (t) => {
  t.timeout(600_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const [story, client] = await Promise.all([ColdStory.begin(t, createRandom(seed)), createKubo(t)]);
  const { daemon, devnet } = story;
  const token = await daemon.createToken('ada');
  const ipfs = createIpfsCli(client);
  await ipfs.ok('pin', 'remote', 'service', 'add', 'fbpd', daemon.apiUrl(), token);
  const cids = await Promise.all([3_000_000, 700_000, 40_000].map((bytes) => client.addBytes(randomBytes(bytes), { cidVersion: 1 })));
  for (const cid of cids) await ipfs.ok('pin', 'remote', 'add', '--service=fbpd', cid);

  for (let times = 0; times < 6; times += 1) await story.kill(1_500);
  const first = await story.settled(COPIES);
  await story.verifyLedger(t);
  const api = createClient(daemon.apiUrl, token);
  const [pin] = (await api.list('limit=1')).results;
  t.like(pin?.info, { replicas_active: '3', replicas_target: '3' });
  t.like((await api.call('GET', `/v1/pins/${pin?.requestid}/deals`)).body, { replicas: { min: 2, target: 3, active: 3 } });
  await poll('a provider has proven that it gives the bytes back', 60_000, async () => {
    await daemon.admin('POST', '/admin/reconcile/sample');
    return (await story.deals()).some(({ retrievalEvidence }) => retrievalEvidence !== undefined);
  });

  const [victim] = first;
  const dying = victim?.provider ?? '';
  devnet.faults.provider(dying, { dead: true });
  for (const { provider, dealId } of devnet.truth().deals) if (provider === dying && dealId !== null) devnet.terminate(dealId);
  await poll('its deals are lost, and the copies are as many as before', 120_000, async () => {
    await story.pass(10);
    const deals = await story.deals();
    return (
      deals.some(({ state, provider }) => state === 'lost' && provider === dying) &&
      deals.filter(({ state }) => state === 'active').length >= first.length
    );
  });
  await story.kill(1_000);
  const repaired = await story.settled(COPIES);
  t.false(repaired.some(({ provider }) => provider === dying));
  t.true(repaired.some(({ reason }) => reason === 'lost'));
  await story.verifyLedger(t);

  const ends = Math.min(...repaired.map(({ endEpoch }) => endEpoch));
  await story.pass(ends - SHORT_DEAL.renewBeforeEpochs - devnet.truth().epoch);
  await story.kill(500);
  await story.pass(400);
  await poll('what was about to end has been made anew', 60_000, async () => {
    await story.reconcile();
    return (await story.deals()).some(({ reason, state }) => reason === 'expiring' && state === 'active');
  });
  await story.verifyLedger(t);
  t.deepEqual(await daemon.cli('check', '--json').then(({ code, stdout }) => [code, JSON.parse(stdout).problems]), [0, []]);
  t.log(`${story.kills} kills, ${(await story.deals()).length} deals, epoch ${devnet.truth().epoch}`);
});

test.serial("what lies in the staging directory is for our group too, whatever the service's umask", async (t) => {
  t.timeout(120_000);
  const hidden = { wrapper: ['sh', '-c', 'umask 0077 && exec "$@"', 'sh'] };
  const config = { providers: { trusted: ['f01000', 'f01001', 'f09999'] }, 'policies.default.cold': { replicas: { min: 2, target: 3 } } };
  const [{ daemon, staging }, peer] = await Promise.all([createColdDaemon(t, { ...hidden, config }), createKubo(t)]);
  await daemon.start();
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  await client.add({ cid: await peer.addBytes(randomBytes(5_000)), origins: peer.swarmAddresses });
  const modeOf = async (...path: string[]) => ((await stat(join(staging, ...path))).mode & 0o777).toString(8);
  const cars = async () => (await readdir(join(staging, 'pieces'))).filter((name) => name.endsWith('.car'));
  await poll('a CAR is built, which stays while a copy is missing', 60_000, async () => (await cars()).length === 1);
  t.is(await modeOf('pieces', (await cars())[0] ?? ''), '640');
  t.is(await modeOf(), '750');
  t.is(await modeOf('pieces'), '750');
  t.is(await modeOf('retrieved'), '770');
});
