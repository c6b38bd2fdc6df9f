import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import type { Receipt } from '../../daemon/domain/receipt.ts';
import { digestOf } from '../../daemon/receipts/form.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createKubo, createTempDir } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { type CliResult, runFbpd } from '../fixtures/run-fbpd.ts';
import { provenBlock } from '../receipts/small-proof.ts';
import { ColdStory } from './cold-story.ts';

const WAIT_MS = 90_000;
/** What is proven is let go at once. */
const EAGER = {
  hot: { capacity: '64MiB', evict_above: 0.001, evict_down_to: 0.0001 },
  limits: { dag_bytes: '64MiB' },
  'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
};

interface Verdict {
  verified: boolean;
  findings: { state: string; text: string; deal?: number }[];
}

/** Where there is neither a daemon nor a config. */
async function elsewhere(t: ExecutionContext): Promise<(...args: string[]) => Promise<CliResult>> {
  const cwd = await createTempDir(t);
  const { FBPD_CONFIG: _, ...env } = process.env;
  return (...args) => runFbpd(args, { cwd, env });
}

function provenRoot(receipt: Receipt): Uint8Array {
  const [piece] = receipt.pieces;
  if (piece === undefined) throw new Error('no piece');
  const proof = piece.proof.map((node) => Buffer.from(node, 'base64'));
  return provenBlock({ ...piece, cid: receipt.cid, window: Buffer.from(piece.window, 'base64'), proof });
}

test.serial(
  'what is pinned has a receipt that is checked with no daemon, and against the chain, until its deals are no more',
  async (t) => {
    t.timeout(300_000);
    const [story, client] = await Promise.all([ColdStory.begin(t, createRandom(testSeed())), createKubo(t)]);
    const { daemon, devnet } = story;
    const token = await daemon.createToken('ada');
    const api = createClient(daemon.apiUrl, token);
    const fbpd = await elsewhere(t);
    const file = join(await createTempDir(t), 'receipt.json');

    const cids = await Promise.all([700_000, 90, 2_000_000].map((bytes) => client.addBytes(randomBytes(bytes), { cidVersion: 1 })));
    for (const cid of cids) await api.call('POST', '/pins', { cid, origins: client.swarmAddresses });
    const early = (await api.list('limit=10&status=queued,pinning,pinned')).results[0]?.requestid ?? '';
    const none = await daemon.cli('receipts', 'export', early);
    if (none.code !== 0) t.regex(none.stderr, /there is nothing to prove yet: /);
    await poll('every pin has three active copies', WAIT_MS, async () => {
      await story.reconcile();
      const { results } = await api.list('status=pinned&limit=10');
      return results.length === 3 && results.every(({ info }) => info?.replicas_active === '3');
    });

    const { results } = await api.list('limit=10');
    for (const { requestid, pin } of results) {
      const exported = await daemon.cli('receipts', 'export', requestid, '-o', file);
      t.is(exported.code, 0, exported.stderr);
      t.regex(exported.stderr, /in 1 piece, 3 active deals/);
      const text = await readFile(file, 'utf8');
      const receipt = JSON.parse(text) as Receipt;
      t.is(receipt.cid, pin.cid);
      t.true(provenRoot(receipt).length > 0);
      const { body } = await api.call('GET', `/v1/pins/${requestid}/receipt`);
      t.deepEqual((body as unknown as Receipt).pieces.length, receipt.pieces.length);
      const offline = await fbpd('receipts', 'verify', file);
      t.is(offline.code, 0, offline.stderr);
      t.regex(offline.stdout, /claimed {2,3}the deal has the number/);
      t.regex(offline.stderr, /Verified, as far as that goes with no network/);
      const online = await fbpd('--json', 'receipts', 'verify', file, '--lotus', devnet.rpcUrl);
      t.is(online.code, 0, online.stderr);
      const { verified, findings } = JSON.parse(online.stdout) as Verdict;
      t.true(verified);
      t.deepEqual(
        findings.filter(({ state }) => state === 'unknown' || state === 'failed'),
        [],
      );
      t.is(findings.filter((one) => /is on the chain and published this signed proposal/.test(one.text)).length, 3);
      t.is(findings.filter((one) => /the chain has the proposal as deal \d+, active/.test(one.text)).length, 3);
      t.is(findings.filter((one) => /tip set of its last verification is that of epoch/.test(one.text)).length, 3);
    }

    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"dealId": ', '"dealId": 1'));
    const damaged = await fbpd('receipts', 'verify', file);
    t.is(damaged.code, 1);
    t.regex(damaged.stdout, /FAILED {2,3}the receipt is damaged/);
    for (const [change, said] of [
      [
        (receipt: Receipt) => Object.assign(receipt.claims, { network: 'mainnet' }),
        /FAILED {2,3}the chain that .* is called localnet, not mainnet/,
      ],
      [
        ({ pieces: [piece] }: Receipt) => Object.assign(piece?.deals[0]?.claims.lastVerified ?? {}, { epoch: 99_999_999 }),
        /FAILED {2,3}the chain has not come to epoch 99999999/,
      ],
    ] as const) {
      const receipt = JSON.parse(text) as Receipt;
      change(receipt);
      await writeFile(file, JSON.stringify({ ...receipt, digest: digestOf(receipt) }));
      t.is((await fbpd('receipts', 'verify', file)).code, 0, 'nobody but the chain can tell');
      const untrue = await fbpd('receipts', 'verify', file, '--lotus', devnet.rpcUrl);
      t.is(untrue.code, 1);
      t.regex(untrue.stdout, said);
    }
    await writeFile(file, text);
    t.is((await fbpd('receipts', 'verify', file, '--lotus', 'http://127.0.0.1:1/rpc/v1')).code, 5, 'a node that does not answer');
    t.is((await fbpd('receipts', 'verify', file, '--lotus', 'ftp://x')).code, 2);
    t.is((await fbpd('receipts', 'verify', `${file}.none`)).code, 2);
    t.is((await fbpd('receipts', 'export', results[0]?.requestid ?? '')).code === 0, false, 'no daemon there');

    for (const { dealId } of devnet.truth().deals) if (dealId !== null) devnet.terminate(dealId);
    await devnet.advance(20);
    const over = await fbpd('receipts', 'verify', file, '--lotus', devnet.rpcUrl);
    t.is(over.code, 1);
    t.regex(over.stdout, /FAILED {2,3}the chain has no deal \d+: it has ended, was lost, or never was/);
    t.is((await fbpd('receipts', 'verify', file)).code, 0, 'that it was signed stays so');
    await rm(file);
  },
);

test.serial('a content that is cold has its receipt, too: its root block is fetched back, or it is said why not', async (t) => {
  t.timeout(300_000);
  const [story, client] = await Promise.all([ColdStory.begin(t, createRandom(testSeed()), { config: EAGER }), createKubo(t)]);
  const { daemon, devnet } = story;
  const api = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const cid = await client.addBytes(randomBytes(3_000_000), { cidVersion: 1 });
  await api.call('POST', '/pins', { cid, origins: client.swarmAddresses });
  await story.settled(2);
  await client.stop();
  await poll('its hot copy is let go', WAIT_MS, async () => {
    for (const name of ['verify', 'sample', 'evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
    const { results } = await api.list('limit=1');
    return results[0]?.info?.tier === 'cold';
  });
  const [pin] = (await api.list('limit=1')).results;
  const { status, body } = await api.call('GET', `/v1/pins/${pin?.requestid}/receipt`);
  t.is(status, 200, JSON.stringify(body).slice(0, 500));
  t.true(provenRoot(body as unknown as Receipt).length > 0);

  for (const name of ['evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
  for (const { id } of devnet.providers) devnet.faults.provider(id, { dead: true });
  const dead = await api.call('GET', `/v1/pins/${pin?.requestid}/receipt`);
  if (dead.status !== 200) {
    t.is(dead.status, 503);
    t.regex(JSON.stringify(dead.body), /root block/);
  }
});
