import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import type { BlockHotTier } from '../../daemon/hot/kubo-tier.ts';
import { createManagedKubo } from '../../daemon/hot/managed.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { cidOf, DAG_PB, dagPbNode, identityCid, RAW } from './blocks.ts';
import { managedOptions } from './create-managed.ts';

const never = new AbortController().signal;

async function createTier(t: ExecutionContext, dir?: string): Promise<BlockHotTier> {
  const tier = createManagedKubo(managedOptions(dir ?? (await createTempDir(t))));
  await tier.start();
  t.teardown(() => tier.stop());
  return tier;
}

function get(tier: BlockHotTier, path: string, method = 'GET'): Promise<{ status: number; body: Buffer }> {
  const target = tier.gateway();
  if (target === undefined || !('socketPath' in target)) throw new Error('a managed kubo has a gateway on a socket');
  return new Promise((resolve, reject) => {
    const call = request({ ...target, path, method, headers: { host: '127.0.0.1' } }, (response: IncomingMessage) => {
      buffer(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    call.on('error', reject).end();
  });
}

test('a gateway request that waits for a block is woken when that block is put in, and what it waits for can be asked', async (t) => {
  const tier = await createTier(t);
  const leaf = randomBytes(1_000);
  const leafCid = await cidOf(leaf, RAW);
  const waiting = get(tier, `/ipfs/${leafCid}?format=raw`);
  await poll('it is waited for', 10_000, async () => (await tier.intake.wanted(never)).some((cid) => cid.equals(leafCid)));
  t.false(await tier.intake.has(leafCid, never));
  await tier.intake.put(leafCid, leaf, never);
  const { status, body } = await waiting;
  t.is(status, 200);
  t.deepEqual(body, leaf);
  t.true(await tier.intake.has(leafCid, never));
  t.deepEqual(await tier.intake.wanted(never), []);
});

test('a block under its CIDv0 wakes who waits for that', async (t) => {
  const tier = await createTier(t);
  const node = dagPbNode([]);
  const v1 = await cidOf(node, DAG_PB);
  const v0 = v1.toV0();
  const waiting = get(tier, `/ipfs/${v0}?format=raw`);
  await poll('it is waited for', 10_000, async () => (await tier.intake.wanted(never)).length > 0);
  await tier.intake.put(CID.parse(v0.toString()), node, never);
  t.is((await waiting).status, 200);
});

test('an identity CID needs no block, and bytes of something else are refused', async (t) => {
  const tier = await createTier(t);
  await t.notThrowsAsync(tier.intake.put(identityCid(Buffer.from('hello')), Buffer.from('hello'), never));
  const error = await t.throwsAsync(tier.intake.put(await cidOf(Buffer.from('a'), RAW), Buffer.from('b'), never));
  t.regex(error.message, /stored it as/);
});

test('the gateway has a socket also where the state directory is too deep for one', async (t) => {
  const tier = await createTier(t, `${await createTempDir(t)}/${'deep/'.repeat(30)}state`);
  t.is((await get(tier, '/ipfs/bafkqablimvwgy3y')).body.toString(), 'hello');
});

test('a kubo that is down has no gateway', async (t) => {
  const tier = await createTier(t);
  t.not(tier.gateway(), undefined);
  await tier.stop();
  t.is(tier.gateway(), undefined);
});
