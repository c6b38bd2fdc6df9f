import { randomBytes } from 'node:crypto';

import test from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import { SHORT_DEAL } from '../fixtures/create-cold-daemon.ts';
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
