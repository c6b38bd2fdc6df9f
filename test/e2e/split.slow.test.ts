import { randomBytes } from 'node:crypto';

import test, { type ExecutionContext } from 'ava';

import type { Receipt } from '../../daemon/domain/receipt.ts';
import { checkReceipt } from '../../daemon/receipts/check.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { fundEscrow } from '../fixtures/create-mk12-client.ts';
import { freePort } from '../fixtures/free-port.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

const WAIT_MS = 120_000;
const BYTES = 5_000_000;
/** 5 MB in blocks of 256 KiB, three to a piece of 1 MiB. */
const PARTS = 7;
const PROVIDERS = ['f01000', 'f01001', 'f01002', 'f01003', 'f01004'];

type Config = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const CUT: Config = {
  hot: { capacity: '64MiB', evict_above: 0.001, evict_down_to: 0.0001 },
  limits: { dag_bytes: '64MiB', piece_max: '1MiB' },
  gateway: { hedge: '2s', stall_timeout: '10s' },
  'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
  'policies.default.cold': { min_fill: '512KiB' },
};

async function begin(t: ExecutionContext, maker: 'lotus-client' | 'mk12'): Promise<{ story: ColdStory; apiUrl: () => string }> {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  if (maker === 'lotus-client') {
    const story = await ColdStory.begin(t, createRandom(seed), { config: CUT });
    return { story, apiUrl: story.daemon.apiUrl };
  }
  const url = `http://127.0.0.1:${await freePort()}`;
  const story = await ColdStory.begin(t, createRandom(seed), {
    devnet: { providers: PROVIDERS.map(() => ({ mk12: 'curio' as const })) },
    config: {
      ...CUT,
      api: { listen: url.slice('http://'.length), public_url: url },
      cold: { maker, threads: 1 },
      providers: { trusted: PROVIDERS, private_addresses: true },
    },
  });
  await fundEscrow(story.devnet);
  return { story, apiUrl: () => url };
}

for (const maker of ['mk12', 'lotus-client'] as const) {
  test.serial(`by ${maker}: what is too large for a piece is cut, stored part by part, let go, and read from its parts`, async (t) => {
    t.timeout(600_000);
    const { story, apiUrl } = await begin(t, maker);
    const { daemon, devnet } = story;
    const token = await daemon.createToken('ada', ['retrieve']);
    const api = createClient(apiUrl, token);
    const peer = await createKubo(t);
    const bytes = randomBytes(BYTES);
    const cid = await peer.addBytes(bytes, { cidVersion: 1 });
    await api.call('POST', '/pins', { cid, origins: peer.swarmAddresses });
    await poll('it is held hot', WAIT_MS, async () => (await api.list('status=pinned')).count === 1);
    await peer.stop();

    const info = async (): Promise<Record<string, string> | undefined> => (await api.list('limit=1')).results[0]?.info;
    const deals = await story.settled(3, PARTS);
    t.is(new Set(deals.map(({ piece }) => piece)).size, PARTS);
    await poll('it is said to have three copies', WAIT_MS, async () => (await info())?.replicas_active === '3');
    const requestId = (await api.list('limit=1')).results[0]?.requestid ?? '';
    const explained = await daemon.cli('pins', 'explain', requestId);
    t.regex(explained.stdout, new RegExp(`cut into ${PARTS}`));
    t.regex(explained.stdout, new RegExp(`part 3 of ${PARTS}`));

    const receipt = (await api.call('GET', `/v1/pins/${requestId}/receipt`)).body as unknown as Receipt;
    t.deepEqual(receipt.pieces.map(({ claims }) => claims.part?.number).sort(), [1, 2, 3, 4, 5, 6, 7]);
    t.deepEqual(
      checkReceipt(JSON.stringify(receipt)).findings.filter(({ state }) => state === 'failed'),
      [],
    );

    let sampled = 0;
    await poll('every part is proven, and its hot copy is let go', WAIT_MS, async () => {
      for (const name of ['verify', 'sample', 'evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
      const isCold = (await info())?.tier === 'cold';
      const pieces = new Set(
        (await story.deals()).filter(({ retrievalEvidence }) => retrievalEvidence !== undefined).map(({ piece }) => piece),
      );
      sampled = pieces.size;
      return isCold;
    });
    t.is(sampled, PARTS, 'not before each part has come back');

    // One provider of some part is gone, another one lies: each part has three.
    devnet.faults.provider(deals[0]?.provider ?? '', { loseBytes: true });
    devnet.faults.provider(deals[1]?.provider ?? '', { corruptBytes: true });
    const get = (range?: string): Promise<Response> =>
      fetch(`${daemon.gatewayUrl()}/ipfs/${cid}`, {
        headers: { authorization: `Bearer ${token}`, ...(range === undefined ? {} : { range }) },
      });
    const middle = await get('bytes=3000000-3000999');
    t.is(middle.status, 206);
    t.deepEqual(Buffer.from(await middle.arrayBuffer()), bytes.subarray(3_000_000, 3_001_000));
    const whole = await get();
    t.is(whole.status, 200);
    t.true(Buffer.from(await whole.arrayBuffer()).equals(bytes));
    devnet.faults.clear();

    await api.call('DELETE', `/pins/${requestId}`);
    await poll('every part is retired', WAIT_MS, async () => {
      await story.reconcile();
      const { stdout } = await daemon.cli('status', '--json');
      return (JSON.parse(stdout) as { cold?: { pieces?: { retired?: number } } }).cold?.pieces?.retired === PARTS;
    });
    t.is((await story.live()).length, 3 * PARTS, 'their deals go on');
  });
}
