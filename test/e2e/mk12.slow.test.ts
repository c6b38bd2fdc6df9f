import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import test from 'ava';

import { keyOf } from '../devnet/keys.ts';
import type { Mk12Style } from '../devnet/provider.ts';
import { createClient } from '../fixtures/create-client.ts';
import { coldConfig, createColdDevnet } from '../fixtures/create-cold-daemon.ts';
import { createStoppedDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, createTempDir } from '../fixtures/create-kubo.ts';
import { createRouter, gatewayRecord } from '../fixtures/create-router.ts';
import { freePort } from '../fixtures/free-port.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { runFbpd } from '../fixtures/run-fbpd.ts';
import { ColdStory } from './cold-story.ts';

const WAIT_MS = 120_000;
const FIL = 10n ** 18n;
const DATACAP_BYTES = 2n ** 30n;
/** Ids that a development network gives its providers. */
const PROVIDERS = ['f01000', 'f01001', 'f01002', 'f01003'];
const STYLES: readonly Mk12Style[] = ['boost', 'curio'];

for (const style of STYLES) {
  test.serial(`by mk12 with providers like ${style}: pinned, fetched by them from here, active, let go, and read from them`, async (t) => {
    t.timeout(400_000);
    const seed = testSeed();
    t.log(`FBPD_TEST_SEED=${seed}`);
    const port = await freePort();
    const story = await ColdStory.begin(t, createRandom(seed), {
      devnet: { providers: Array.from({ length: 4 }, () => ({ mk12: style })) },
      config: {
        api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
        cold: { maker: 'mk12', threads: 1 },
        providers: { trusted: PROVIDERS, private_addresses: true },
        hot: { capacity: '64MiB', evict_above: 0.001, evict_down_to: 0.0001 },
        limits: { dag_bytes: '64MiB' },
        'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
      },
    });
    const { daemon, devnet } = story;
    t.is(devnet.truth().escrow, '0', 'nobody fills the escrow by hand');
    const token = await daemon.createToken('ada', ['retrieve']);
    const api = createClient(() => `http://127.0.0.1:${port}`, token);
    const peer = await createKubo(t);
    const bytes = randomBytes(3_000_000);
    const cid = await peer.addBytes(bytes, { cidVersion: 1 });
    await api.call('POST', '/pins', { cid, origins: peer.swarmAddresses });
    await poll('it is held hot', WAIT_MS, async () => (await api.list('status=pinned')).count === 1);
    await peer.stop();
    const deals = await story.settled(3);
    t.is(new Set(deals.map(({ provider }) => provider)).size, 3);
    t.is(devnet.world.accounts.nonce(devnet.wallet), 1, 'one message has filled the escrow');
    t.is(devnet.truth().escrow, (100n * FIL).toString(), 'up to its level, which is what the budget gives in a day');
    const files = await readdir(daemon.stateDir, { recursive: true });
    t.deepEqual(
      files.filter((name) => name.endsWith('.car')),
      [],
      'no CAR lies on the disk',
    );
    const [pinned] = (await api.list('status=pinned')).results;
    const receipt = join(await createTempDir(t), 'receipt.json');
    const exported = await daemon.cli('receipts', 'export', pinned?.requestid ?? '', '-o', receipt);
    t.is(exported.code, 0, exported.stderr);
    t.regex(exported.stderr, /in 1 piece, 3 active deals/);
    const verified = await runFbpd(['receipts', 'verify', receipt], { cwd: dirname(receipt) });
    t.is(verified.code, 0, verified.stderr);
    t.regex(verified.stderr, /Verified, as far as that goes with no network/);
    const online = await runFbpd(['receipts', 'verify', receipt, '--lotus', devnet.rpcUrl], { cwd: dirname(receipt) });
    t.is(online.code, 0, online.stdout);
    await poll('its hot copy is let go', WAIT_MS, async () => {
      for (const name of ['verify', 'sample', 'evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
      return (await api.list('status=pinned')).results.every(({ info }) => info?.tier === 'cold');
    });
    const response = await fetch(`${daemon.gatewayUrl()}/ipfs/${cid}`, { headers: { authorization: `Bearer ${token}` } });
    t.is(response.status, 200);
    t.true(Buffer.from(await response.arrayBuffer()).equals(bytes));
  });
}

/** Where a kubo serves what it has. */
async function gatewayOf(repo: string): Promise<string> {
  return (await readFile(join(repo, 'gateway'), 'utf8')).trim();
}

test.serial('out of a piece of many a content is read by ranges, and where no provider answers from whom a router names', async (t) => {
  t.timeout(400_000);
  const [port, router, stranger, peer] = await Promise.all([freePort(), createRouter(t), createKubo(t), createKubo(t)]);
  const story = await ColdStory.begin(t, createRandom(testSeed()), {
    devnet: { providers: Array.from({ length: 4 }, () => ({ mk12: 'curio' as const })) },
    config: {
      api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
      cold: { maker: 'mk12', threads: 1 },
      providers: { trusted: PROVIDERS, private_addresses: true, routing: router.url },
      chain: { finality: 5, confirm_lost: 5, start_lead: 900 },
      gateway: { hedge: '1s' },
      hot: { capacity: '64MiB', evict_above: 0.001, evict_down_to: 0.0001 },
      limits: { dag_bytes: '64MiB' },
      'policies.default.cold': { max_wait: '15s' },
      'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
    },
  });
  const { daemon, devnet } = story;
  const token = await daemon.createToken('ada', ['retrieve']);
  const api = createClient(() => `http://127.0.0.1:${port}`, token);
  const contents = Array.from({ length: 8 }, () => randomBytes(1_000_000));
  const cids: string[] = [];
  for (const bytes of contents) cids.push(await peer.addBytes(bytes, { cidVersion: 1 }));
  await stranger.addBytes(contents[6] ?? Buffer.alloc(0), { cidVersion: 1 });
  await Promise.all(cids.map((cid) => api.call('POST', '/pins', { cid, origins: peer.swarmAddresses })));
  await poll('all are held hot', WAIT_MS, async () => (await api.list('status=pinned')).count === cids.length);
  await peer.stop();
  t.is(new Set((await story.settled(3)).map(({ piece }) => piece)).size, 1, 'they share a piece');
  await poll('their hot copies are let go', WAIT_MS, async () => {
    for (const name of ['verify', 'sample', 'evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
    return (await api.list('status=pinned')).results.every(({ info }) => info?.tier === 'cold');
  });

  const { served } = devnet.world;
  // Samples read pieces from their beginning meanwhile, and contents lie further on.
  const bytesServed = (): number => served.bytes(({ from }) => from > 0);
  const read = async (index: number, headers: Record<string, string> = {}): Promise<Buffer> => {
    const url = `${daemon.gatewayUrl()}/ipfs/${cids[index]}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}`, ...headers } });
    t.true(response.ok, `HTTP ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  };
  for (const provider of PROVIDERS) devnet.faults.provider(provider, { gateway: 'denied' });
  served.clear();
  const rootBlock = `${daemon.gatewayUrl()}/ipfs/${cids[1]}?format=raw`;
  t.true((await fetch(rootBlock, { method: 'HEAD', headers: { authorization: `Bearer ${token}` } })).ok);
  t.true(bytesServed() < 2_000, `${bytesServed()} bytes for a root block`);
  served.clear();
  const middle = await read(2, { range: 'bytes=600000-600099' });
  t.deepEqual(middle, contents[2]?.subarray(600_000, 600_100));
  // What kubo reads ahead for a reader may come twice: by itself, and with all of it.
  t.true(bytesServed() < 2_500_000, `${bytesServed()} bytes for a hundred from the middle, and to have it hot again`);
  served.clear();
  t.true((await read(4)).equals(contents[4] ?? Buffer.alloc(0)));
  t.true(bytesServed() < 2_500_000, `${bytesServed()} bytes for one content of a piece of ${contents.length} times as many`);

  for (const provider of PROVIDERS) devnet.faults.provider(provider, { dead: true });
  router.providers = [gatewayRecord(stranger.peerId, await gatewayOf(stranger.repo))];
  t.true((await read(6)).equals(contents[6] ?? Buffer.alloc(0)));
  const requestid = (await api.list('limit=100')).results.find(({ pin }) => pin.cid === cids[6])?.requestid ?? '';
  await poll('it is said who gave it', WAIT_MS, async () => {
    const explained = await daemon.cli('pins', 'explain', requestid, '--json');
    return explained.stdout.includes(`"from": "${stranger.peerId}"`) || explained.stdout.includes(`"from":"${stranger.peerId}"`);
  });
  t.true(router.asked.includes(cids[6] ?? ''));
});

test.serial(
  'from a home box: a key file, a public gateway for the chain, verified deals out of its DataCap, and an escrow that fills itself',
  async (t) => {
    t.timeout(400_000);
    const seed = testSeed();
    t.log(`FBPD_TEST_SEED=${seed}`);
    const [port, rpcPort] = [await freePort(), await freePort()];
    const { secret, address } = keyOf('the key of a home box');
    const keyFile = join(await createTempDir(t), 'wallet.key');
    const exported = JSON.stringify({ Type: 'secp256k1', PrivateKey: Buffer.from(secret).toString('base64') });
    await writeFile(keyFile, Buffer.from(exported).toString('hex'), { mode: 0o600 });
    const devnet = await createColdDevnet({ port: rpcPort, providers: Array.from({ length: 4 }, () => ({ mk12: 'boost' })) });
    t.teardown(() => devnet.stop());
    devnet.faults.node({ gateway: true });
    devnet.fund(address, 200n * FIL);
    devnet.world.market.setDatacap(devnet.world.accounts.id(address), DATACAP_BYTES);
    const daemon = await createStoppedDaemon(t, {
      config: coldConfig(devnet, join(await createTempDir(t), 'staging'), {
        config: {
          api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
          lotus: { rpc: devnet.rpcUrl, wallet_key_file: keyFile },
          cold: { maker: 'mk12', threads: 1 },
          providers: { trusted: PROVIDERS, private_addresses: true },
          schedule: { create: '* * * * * *', verify: '* * * * * *', renew: '* * * * * *', escrow: '* * * * * *' },
          'policies.default.cold': { verified_deal: true },
        },
      }),
    });
    await daemon.start();
    const story = new ColdStory({ daemon, devnet, random: createRandom(seed) });
    const api = createClient(() => `http://127.0.0.1:${port}`, await daemon.createToken('ada'));
    const peer = await createKubo(t);
    const cid = await peer.addBytes(randomBytes(300_000), { cidVersion: 1 });
    await api.call('POST', '/pins', { cid, origins: peer.swarmAddresses });
    const deals = await story.settled(3);
    t.is(deals.length, 3);
    const onChain = devnet.world.market.deals().filter(({ proposal }) => proposal.client === devnet.world.accounts.id(address));
    t.is(onChain.length, 3);
    t.true(onChain.every(({ proposal }) => proposal.verified));
    const taken = onChain.reduce((sum, { proposal }) => sum + BigInt(proposal.pieceSizeBytes), 0n);
    t.is(devnet.world.market.datacap(devnet.world.accounts.id(address)), DATACAP_BYTES - taken);
    t.is(devnet.truth(address).escrow, (100n * FIL).toString());
    const wallet = JSON.parse((await daemon.cli('wallet', '--json')).stdout);
    t.like(wallet, { maker: 'mk12', funds: { address }, escrow: { level: (100n * FIL).toString(), state: { code: 'enough' } } });
    t.deepEqual(
      wallet.lines.map(({ kind }: { kind: string }) => kind),
      ['gas', 'added', 'opening'],
    );
  },
);

test.serial('providers that take no small pieces get one that is filled up with zeros, and give back what is in it', async (t) => {
  t.timeout(400_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const port = await freePort();
  const ask = { minPieceSizeBytes: 2 ** 20 };
  const story = await ColdStory.begin(t, createRandom(seed), {
    devnet: { providers: PROVIDERS.map((_, index) => ({ mk12: index % 2 === 0 ? 'curio' : 'boost', ask })) },
    config: {
      api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
      cold: { maker: 'mk12', threads: 1 },
      providers: { trusted: PROVIDERS, private_addresses: true },
      limits: { piece_min: '1MiB', dag_bytes: '64MiB' },
    },
  });
  const { daemon, devnet } = story;
  const api = createClient(() => `http://127.0.0.1:${port}`, await daemon.createToken('ada'));
  const peer = await createKubo(t);
  const cid = await peer.addBytes(randomBytes(50_000), { cidVersion: 1 });
  const { requestid } = await api.add({ cid, origins: peer.swarmAddresses });
  const deals = await story.settled(3);
  t.is(deals.length, 3);
  const ours = devnet.world.market.deals().filter(({ proposal }) => proposal.client === devnet.world.accounts.id(devnet.wallet));
  t.deepEqual([...new Set(ours.map(({ proposal }) => proposal.pieceSizeBytes))], [2 ** 20]);
  const drill = await daemon.cli('drill', cid, '--json');
  t.is(drill.code, 0, drill.stderr);
  const file = join(await createTempDir(t), 'receipt.json');
  await poll('there is a receipt', WAIT_MS, async () => (await daemon.cli('receipts', 'export', requestid, '-o', file)).code === 0);
  const verified = await runFbpd(['receipts', 'verify', file], { cwd: dirname(file) });
  t.is(verified.code, 0, verified.stderr);
});

test.serial(
  'a deal that its provider published, never sealed and never named is found: it has missed its start, and nothing is frozen',
  async (t) => {
    t.timeout(400_000);
    const seed = testSeed();
    t.log(`FBPD_TEST_SEED=${seed}`);
    const port = await freePort();
    const story = await ColdStory.begin(t, createRandom(seed), {
      devnet: { providers: PROVIDERS.map((_, index) => ({ mk12: 'curio', faults: { neverSeal: index < 2, neverNames: index < 2 } })) },
      config: {
        api: { listen: `127.0.0.1:${port}`, public_url: `http://127.0.0.1:${port}` },
        cold: { maker: 'mk12', threads: 1 },
        providers: { trusted: PROVIDERS, private_addresses: true },
        'policies.default.cold': { replicas: { min: 1, target: 3 } },
      },
    });
    const { daemon, devnet } = story;
    const token = await daemon.createToken('ada');
    const api = createClient(() => `http://127.0.0.1:${port}`, token);
    const peer = await createKubo(t);
    const cid = await peer.addBytes(randomBytes(300_000), { cidVersion: 1 });
    await api.call('POST', '/pins', { cid, origins: peer.swarmAddresses });
    const lazy = ['f01000', 'f01001'];
    const begun = async () => (await story.deals()).filter(({ provider }) => lazy.includes(provider));
    await poll('deals with providers that never seal', WAIT_MS, async () => (await begun()).length > 0);
    await poll('their fate', WAIT_MS, async () => (await begun()).some(({ state }) => state === 'missed' || state === 'failed'));
    t.deepEqual(
      (await begun()).filter(({ state }) => state === 'failed'),
      [],
    );
    // So often that what is locked and not explained would have been seen twice.
    for (let pass = 0; pass < 5; pass += 1) {
      await devnet.advance(10);
      await story.reconcile();
    }
    const status = JSON.parse((await daemon.cli('status', '--json')).stdout);
    t.false(['store_older', 'funds_in_doubt', 'frozen'].includes(status.cold?.held?.code ?? ''), JSON.stringify(status.cold?.held));
  },
);
