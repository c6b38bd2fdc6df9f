import { randomBytes } from 'node:crypto';

import test from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { fundEscrow } from '../fixtures/create-mk12-client.ts';
import { freePort } from '../fixtures/free-port.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

const WAIT_MS = 120_000;

test('who knows no provider finds some by a scan, trusts them, and has deals with them and nobody else', async (t) => {
  t.timeout(300_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const port = await freePort();
  const story = await ColdStory.begin(t, createRandom(seed), {
    devnet: { providers: [{}, {}, {}, {}, { faults: { powerless: true } }, { faults: { mk12Reply: { ask: 'drop' } } }] },
    config: {
      api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
      cold: { maker: 'mk12', threads: 1 },
      providers: { private_addresses: true, routing: 'none' },
    },
  });
  const { daemon, devnet } = story;
  await fundEscrow(devnet);
  const fbpd = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.cli(...args);
    t.is(code, 0, `${stdout}${stderr}`);
    return stdout;
  };
  const api = createClient(() => `http://127.0.0.1:${port}`, await daemon.createToken('ada'));
  const peer = await createKubo(t);
  const cid = await peer.addBytes(randomBytes(500_000), { cidVersion: 1 });
  await api.call('POST', '/pins', { cid, origins: peer.swarmAddresses });
  await poll('it is held hot', WAIT_MS, async () => (await api.list('status=pinned')).count === 1);

  const scan = JSON.parse(await fbpd('providers', 'scan', '--json'));
  const ids = devnet.providers.map(({ id }) => id);
  t.deepEqual(scan.found.map(({ id }: { id: string }) => id).sort(), ids.slice(0, 4));
  t.like(scan.tally, { miners: 6, looked: 6, powered: 5, silent: 1, answered: 4 });
  t.deepEqual(devnet.world.providers.deals(), [], 'nobody was asked for a deal');
  t.regex(await fbpd('providers', 'ls', '--all'), /f01000 .* not trusted\n/);

  for (const id of ids.slice(0, 3)) await fbpd('providers', 'trust', id);
  const deals = await story.settled(3);
  t.deepEqual([...new Set(deals.map(({ provider }) => provider))].sort(), ids.slice(0, 3));
});
