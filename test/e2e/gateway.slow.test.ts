import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import type { components } from '../../spec/fbpd.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { read } from '../fixtures/create-gateway.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';

const DONE_MS = 60_000;

interface Pinned {
  cid: string;
  bytes: Buffer;
  /** Of a token with the scope `retrieve`. */
  headers: { Authorization: string };
}

async function readerOf(daemon: TestDaemon, account: string): Promise<{ Authorization: string }> {
  const body = { account, name: 'reader', scopes: ['retrieve'] };
  const made = await daemon.admin('POST', '/admin/tokens', body);
  return { Authorization: `Bearer ${(made.body as { secret: string }).secret}` };
}

async function pinSomething(t: ExecutionContext, daemon: TestDaemon, kubo: TestKubo): Promise<Pinned> {
  const bytes = randomBytes(700_000);
  const cid = await kubo.addBytes(bytes);
  const secret = await daemon.createToken('alice');
  const client = createClient(() => daemon.apiUrl(), secret);
  await client.add({ cid, origins: kubo.swarmAddresses });
  await poll('it is pinned', DONE_MS, async () => (await client.list('status=pinned')).count === 1);
  const forPinsOnly = await read(daemon.gatewayUrl(), `/ipfs/${cid}`, { headers: { Authorization: `Bearer ${secret}` } });
  t.is(forPinsOnly.reason, 'INSUFFICIENT_SCOPE');
  return { cid, bytes, headers: await readerOf(daemon, 'alice') };
}

test('what was pinned is read with a token and with links, also after a crash', async (t) => {
  const daemon = await createDaemon(t);
  const { cid, bytes, headers } = await pinSomething(t, daemon, await createKubo(t));
  t.true((await read(daemon.gatewayUrl(), `/ipfs/${cid}`, { headers })).body.equals(bytes));
  const part = await read(daemon.gatewayUrl(), `/ipfs/${cid}`, { headers: { ...headers, Range: 'bytes=300000-300009' } });
  t.is(part.status, 206);
  t.true(part.body.equals(bytes.subarray(300_000, 300_010)));

  await daemon.admin('POST', '/admin/accounts', { name: 'bob' });
  t.is((await read(daemon.gatewayUrl(), `/ipfs/${cid}`, { headers: await readerOf(daemon, 'bob') })).reason, 'NOT_FOUND');
  t.is((await read(daemon.gatewayUrl(), `/ipfs/${cid}`)).reason, 'UNAUTHORIZED');

  const made = await daemon.cli('links', 'create', cid, '--account', 'alice', '--expires', '1h');
  t.is(made.code, 0, made.stderr);
  const link = new URL(made.stdout.trim());
  t.is(link.origin, daemon.gatewayUrl());
  t.true((await read(link.href, link.pathname + link.search)).body.equals(bytes));

  const served = async () => {
    const { body } = await daemon.admin('GET', '/admin/accounts/alice/usage?contents=1');
    return body as components['schemas']['AccountUsage'];
  };
  await poll('it is counted', DONE_MS, async () => (await served()).served.hotBytes === 1_400_010);
  const counted = await served();
  t.like(counted, { served: { networkBytes: 0, coldBytes: 0, responses: 3 }, contents: [{ cid, served: { hotBytes: 1_400_010 } }] });

  await daemon.kill('SIGKILL');
  await daemon.start();
  t.deepEqual(await served(), counted);
  t.true((await read(daemon.gatewayUrl(), link.pathname + link.search)).body.equals(bytes), 'the secret of links is kept');
  const posted = await fetch(`${daemon.apiUrl()}/v1/links`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ cid }),
  });
  t.is(posted.status, 201);
  const { url } = (await posted.json()) as { url: string };
  t.is(Buffer.compare(Buffer.from(await (await fetch(url)).arrayBuffer()), bytes), 0);
  const metrics = await (await fetch(`${daemon.apiUrl()}/metrics`)).text();
  t.regex(metrics, /fbpd_gateway_bytes_total\{source="hot"\} 1400000/);
});

test("somebody else's kubo is read from where its gateway is named, and not without", async (t) => {
  const kubo = await createKubo(t, { config: { Addresses: { Gateway: '/ip4/127.0.0.1/tcp/0' } } });
  const without = await createDaemon(t, { config: { hot: { mode: 'external', rpc: kubo.rpcUrl } } });
  const pinned = await pinSomething(t, without, kubo);
  const refused = await read(without.gatewayUrl(), `/ipfs/${pinned.cid}`, { headers: pinned.headers });
  t.like(refused, { status: 503, details: 'nothing can be read here: the operator has not set hot.gateway' });
  const gateway = (await readFile(join(kubo.repo, 'gateway'), 'utf8')).trim();
  const daemon = await createDaemon(t, { config: { hot: { mode: 'external', rpc: kubo.rpcUrl, gateway } } });
  const { cid, bytes, headers } = await pinSomething(t, daemon, kubo);
  t.true((await read(daemon.gatewayUrl(), `/ipfs/${cid}`, { headers })).body.equals(bytes));
  t.is((await read(daemon.gatewayUrl(), `/ipfs/${cid}/nope`, { headers })).reason, 'NOT_FOUND');
});
