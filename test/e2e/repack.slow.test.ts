import { randomBytes } from 'node:crypto';

import test, { type ExecutionContext } from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import type { ColdDaemonOptions } from '../fixtures/create-cold-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { freePort } from '../fixtures/free-port.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

const WAIT_MS = 120_000;
const CONTENTS = 10;
const CONTENT_BYTES = 200_000;
const DEAL = { duration: 4_000, renew_before: 1_500 };
const BLOCK_TIME_MS = 100;
/** Ids that a development network gives its providers. */
const PROVIDERS = ['f01000', 'f01001', 'f01002', 'f01003', 'f01004'];

interface Explained {
  pieces: { id: string; state: string; contents: number; gone: number; next: { code: string }; deals: { state: string }[] }[];
}

/** By the Client API, from files. */
async function lotusClient(): Promise<ColdDaemonOptions> {
  return { devnet: { blockTimeMs: BLOCK_TIME_MS } };
}

/** Providers fetch the hot blocks from here, which are to stay for so long. */
async function mk12(): Promise<ColdDaemonOptions> {
  const listen = `127.0.0.1:${await freePort()}`;
  return {
    devnet: { blockTimeMs: BLOCK_TIME_MS, providers: PROVIDERS.map(() => ({ mk12: 'boost' as const })) },
    config: {
      api: { listen, public_url: `http://${listen}` },
      cold: { maker: 'mk12', threads: 1 },
      providers: { trusted: PROVIDERS, private_addresses: true },
    },
  };
}

const MAKERS = { 'lotus-client': lotusClient, mk12 };

for (const [maker, optionsOf] of Object.entries(MAKERS)) {
  test.serial(`by ${maker}: of ten contents in a piece eight are unpinned, and near its end the other two go into another`, async (t) => {
    t.timeout(600_000);
    await repack(t, await optionsOf());
  });
}

async function repack(t: ExecutionContext, { devnet: network = {}, config = {} }: ColdDaemonOptions): Promise<void> {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const story = await ColdStory.begin(t, createRandom(seed), {
    devnet: network,
    config: {
      ...config,
      // Everything that is proven goes at once, so that it has to come back to be repacked.
      hot: { capacity: '64MiB', evict_above: 0.001, evict_down_to: 0.0001 },
      limits: { dag_bytes: '64MiB' },
      'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
      // All ten together, or two after a while.
      'policies.default.cold': { ...DEAL, max_wait: '20s', min_fill: '1850KiB' },
    },
  });
  const { daemon, devnet } = story;
  const peer = await createKubo(t);
  const token = await daemon.createToken('ada', ['retrieve']);
  const api = createClient(daemon.apiUrl, token);
  const bytes = Array.from({ length: CONTENTS }, () => randomBytes(CONTENT_BYTES));
  const cids = await Promise.all(bytes.map((one) => peer.addBytes(one, { cidVersion: 1 })));
  const pins = await Promise.all(cids.map((cid) => api.add({ cid, origins: peer.swarmAddresses })));
  const explain = async (pin = pins[0]): Promise<Explained> =>
    JSON.parse((await daemon.cli('pins', 'explain', pin?.requestid ?? '', '--json')).stdout);
  const untilCold = () =>
    poll('hot copies are let go', WAIT_MS, async () => {
      for (const name of ['verify', 'sample', 'evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
      const { results } = await api.list('status=pinned&limit=100');
      return results.length > 0 && results.every(({ info }) => info?.tier === 'cold');
    });

  const [old] = await story.settled(3);
  t.like((await explain()).pieces, [{ id: old?.piece, contents: CONTENTS, gone: 0 }]);
  await untilCold();
  await peer.stop();
  for (const pin of pins.slice(2)) t.is((await api.call('DELETE', `/pins/${pin.requestid}`)).status, 202);
  await poll('eight are marked', WAIT_MS, async () => (await explain()).pieces[0]?.gone === CONTENTS - 2);

  const ends = (await story.deals()).map(({ endEpoch }) => endEpoch);
  await story.pass(Math.min(...ends) - DEAL.renew_before - devnet.truth().epoch);
  await poll('it is not renewed', WAIT_MS, async () => {
    await story.reconcile();
    return (await explain()).pieces[0]?.next.code === 'repacking';
  });
  const told = (await daemon.cli('pins', 'explain', pins[0]?.requestid ?? '')).stdout;
  t.regex(told.replaceAll(/\s+/g, ' '), /little of it is wanted any more/);
  await story.kill(3_000);
  await poll('both are in another piece, with all its copies', WAIT_MS, async () => {
    await story.reconcile();
    const newer = await Promise.all(pins.slice(0, 2).map(async (pin) => (await explain(pin)).pieces.find(({ id }) => id !== old?.piece)));
    return newer.every((piece) => piece?.deals.filter(({ state }) => state === 'active').length === 3);
  });
  await story.kill(1_000);
  await poll('the old piece is retired', WAIT_MS, async () => {
    await story.reconcile();
    return (await explain()).pieces.find(({ id }) => id === old?.piece)?.state === 'retired';
  });
  t.log(`at epoch ${devnet.truth().epoch}; the old deals end at ${ends.join(', ')}`);

  await story.pass(Math.max(...ends) + 200 - devnet.truth().epoch);
  await poll('the old deals have run out', WAIT_MS, async () => {
    await story.reconcile();
    return (await story.deals()).every(({ piece, state }) => piece !== old?.piece || state === 'expired');
  });
  t.deepEqual(
    (await story.deals()).filter(({ reason }) => reason !== 'missing'),
    [],
    'no copy was renewed, and none was lost',
  );
  await untilCold();
  for (const [index, cid] of cids.slice(0, 2).entries()) {
    const response = await fetch(`${daemon.gatewayUrl()}/ipfs/${cid}`, { headers: { authorization: `Bearer ${token}` } });
    t.is(response.status, 200);
    t.true(Buffer.from(await response.arrayBuffer()).equals(bytes[index] ?? Buffer.alloc(0)));
  }
  const drill = await daemon.cli('drill', ...cids.slice(0, 2), '--json');
  t.is(drill.code, 0, drill.stderr);
  t.is((JSON.parse(drill.stdout) as { copies: unknown[] }).copies.length, 6, 'from each of three providers');
  await story.verifyLedger(t);
  t.deepEqual(await daemon.cli('check', '--json').then(({ code, stdout }) => [code, JSON.parse(stdout).problems]), [0, []]);
}
