import { randomBytes } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { createKubo, createTempDir, type TestKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

const PATIENCE_MS = 60_000;

interface ColdStatus {
  held?: { code: string; text: string };
  breaker?: { code: string };
}

interface World {
  story: ColdStory;
  client: TestClient;
  peer: TestKubo;
}

async function createWorld(t: ExecutionContext, options: Parameters<typeof ColdStory.begin>[2] = {}): Promise<World> {
  t.timeout(300_000);
  const [story, peer] = await Promise.all([ColdStory.begin(t, createRandom(1), options), createKubo(t)]);
  return { story, peer, client: createClient(story.daemon.apiUrl, await story.daemon.createToken('ada')) };
}

async function pin({ client, peer }: World): Promise<void> {
  const cid = await peer.addBytes(randomBytes(5_000), { cidVersion: 1 });
  await client.add({ cid, origins: peer.swarmAddresses });
}

async function coldStatus({ daemon }: ColdStory): Promise<ColdStatus> {
  const { body } = await daemon.admin('GET', '/admin/status');
  return (body as { cold: ColdStatus }).cold;
}

function held(story: ColdStory, code: string | undefined): Promise<void> {
  return poll(`spending is held: ${code ?? 'not at all'}`, PATIENCE_MS, async () => (await coldStatus(story)).held?.code === code);
}

/** Nothing that was not there before reaches a provider while it lasts; what waits is made when it is over. */
async function heldWhile(t: ExecutionContext, world: World, code: string, pieces: number, lift: () => unknown): Promise<void> {
  const { story } = world;
  await held(story, code);
  const before = story.devnet.deals().length;
  await pin(world);
  await story.reconcile();
  await story.reconcile();
  t.is(story.devnet.deals().length, before, `${code}: a deal was made all the same`);
  const { stdout } = await story.daemon.cli('status');
  t.regex(stdout, /cold layer: +lotus-client\n/, `${code}: status says nothing`);
  await lift();
  await held(story, undefined);
  await story.settled(3, pieces);
}

test.serial(
  'a Lotus that is away, garbled, endless, of another chain, or does not take the token holds spending until it is well',
  async (t) => {
    const world = await createWorld(t);
    const { story } = world;
    const { devnet } = story;
    await pin(world);
    await story.settled(3, 1);
    let pieces = 1;
    for (const kind of ['reset', 'http-500', 'garbage', 'cut-json', 'huge-body'] as const) {
      devnet.faults.rpc('*', kind, { bodyBytes: 2 ** 30 });
      await heldWhile(t, world, 'lotus_down', ++pieces, () => devnet.faults.clear());
    }
    devnet.faults.rpc('*', 'http-401');
    await heldWhile(t, world, 'lotus_token', ++pieces, () => devnet.faults.clear());
    devnet.faults.node({ network: 'elsewhere' });
    await heldWhile(t, world, 'other_network', ++pieces, () => devnet.faults.clear());
    devnet.faults.node({ otherGenesis: true });
    await heldWhile(t, world, 'other_network', ++pieces, () => devnet.faults.clear());

    const token = await readFile(devnet.tokenFile, 'utf8');
    await writeFile(devnet.tokenFile, devnet.tokens.write);
    await heldWhile(t, world, 'lotus_token', ++pieces, () => writeFile(devnet.tokenFile, token));
    t.is((await coldStatus(story)).breaker, undefined, 'nobody has to unfreeze anything');
    await story.verifyLedger(t);
  },
);

test.serial('with an empty wallet pins are hot and wait for funds', async (t) => {
  const world = await createWorld(t, { devnet: { walletAtto: 0n } });
  const { story } = world;
  await heldWhile(t, world, 'wallet_empty', 1, () => story.devnet.fund(story.devnet.wallet, 10n ** 18n));
});

test.serial('a store put back from before its newest deals buys nothing until the operator says so', async (t) => {
  const world = await createWorld(t);
  const { story } = world;
  const { daemon, devnet } = story;
  await pin(world);
  await story.settled(3, 1);
  await daemon.stop();
  const backup = join(await createTempDir(t), 'state');
  await cp(daemon.stateDir, backup, { recursive: true });
  await daemon.start();
  await pin(world);
  await story.settled(3, 2);
  await daemon.stop();
  await rm(daemon.stateDir, { recursive: true });
  await cp(backup, daemon.stateDir, { recursive: true });
  const known = devnet.deals().length;

  await daemon.start();
  await poll('spending is frozen', PATIENCE_MS, async () => {
    await story.pass(10);
    return (await coldStatus(story)).breaker?.code === 'store_older';
  });
  await pin(world);
  await story.reconcile();
  t.is(devnet.deals().length, known, 'nothing is bought');
  t.regex((await daemon.cli('status')).stdout, /more are locked on the chain than the deals in this store explain/);
  t.is((await daemon.cli('unfreeze')).code, 0);
  await story.settled(3, 2);
});
