import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { ColdStory } from './cold-story.ts';

const KILLS = 16;
const COPIES = 3;
const CONVERGED_MS = 60_000;

/** What each deal went through by the time of a kill: the sweep should have met them all. */
const STEPS = ['intended', 'proposed', 'accepted', 'published', 'active'] as const;

test.serial(
  'killed on the way from pin to piece to deal, with replies lost: no pin is lost, no deal made twice, the ledger is the chain',
  async (t) => {
    t.timeout(400_000);
    const seed = testSeed();
    t.log(`FBPD_TEST_SEED=${seed}`);
    const random = createRandom(seed);
    const [story, peer] = await Promise.all([ColdStory.begin(t, random), createKubo(t)]);
    const { daemon, devnet } = story;
    const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
    const accepted: string[] = [];
    const met = new Set<string>();
    for (let round = 0; round < KILLS; round += 1) {
      if (round % 3 === 0) devnet.faults.rpc('ClientStartDeal', 'drop-reply', { times: 1 });
      if (round % 4 === 1) devnet.faults.rpc('ClientStartDeal', 'drop-then-do', { times: 1, delayMs: 200 });
      if (round % 2 === 0) {
        const cid = await peer.addBytes(randomBytes(1_000 + random.below(200_000)), { cidVersion: 1 });
        accepted.push((await client.add({ cid, origins: peer.swarmAddresses })).requestid);
      }
      // As long as a piece takes to be sealed, built and proposed, at most.
      await sleep(random.below(2_500));
      for (const { state } of await story.deals()) met.add(state);
      await story.kill(50);
    }
    devnet.faults.clear();
    await poll('every accepted pin has its copies', CONVERGED_MS, async () => {
      const pins = await Promise.all(accepted.map((id) => client.get(id)));
      return pins.every(({ status, info }) => status === 'pinned' && Number(info?.replicas_active) >= COPIES);
    });
    await story.verifyLedger(t);
    const deals = await story.deals();
    t.log(`${story.kills} kills, ${accepted.length} pins, ${deals.length} deals; killed beside deals that were ${[...met].join(', ')}`);
    t.true(STEPS.filter((step) => met.has(step)).length >= 2, 'the sweep met nothing under way');
    t.deepEqual(await daemon.cli('check', '--json').then(({ code, stdout }) => [code, JSON.parse(stdout).problems]), [0, []]);
  },
);
