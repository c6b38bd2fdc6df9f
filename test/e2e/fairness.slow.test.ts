import { randomBytes } from 'node:crypto';

import test from 'ava';

import { createCid } from '../fixtures/create-cid.ts';
import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { listAll } from './ledger.ts';

const DEAD = 2_000;
const CALLERS = 16;
/** A search that finds nobody lasts a second; its next turn comes half a minute later at the earliest. */
const LIMITS = { concurrent_pins: 48, searching_pins: 48, stall_timeout: '1s', pin_attempts: 6 };
const DONE_MS = 150_000;

test("two thousand dead CIDs delay neither another account's living pin nor, beyond one turn each, their own account's", async (t) => {
  t.timeout(240_000);
  const peer = await createKubo(t);
  const daemon = await createDaemon(t, { config: { limits: LIMITS } });
  const flood = createClient(daemon.apiUrl, await daemon.createToken('flood'));
  const other = createClient(daemon.apiUrl, await daemon.createToken('other'));
  const living = async () => ({ cid: await peer.addBytes(randomBytes(1_000)), origins: peer.swarmAddresses });
  const [own, others] = [await living(), await living()];

  const dead = Array.from({ length: DEAD }, (_, index) => createCid(`flood ${index}`).toString()).values();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (const cid of dead) await flood.add({ cid });
    }),
  );
  const ownPin = await flood.add(own);
  const otherPin = await other.add(others);
  const isPinned = (client: TestClient, requestId: string) => async () => (await client.get(requestId)).status === 'pinned';

  const postedMs = performance.now();
  await poll("the other account's pin is held", DONE_MS, isPinned(other, otherPin.requestid));
  const before = await turns();
  t.true(before.none > 1, 'the flood was over already');
  t.log(`the other's after ${Math.round(performance.now() - postedMs)} ms, with ${before.none} of the flood never tried`);

  await poll("the flood's own living pin is held", DONE_MS, isPinned(flood, ownPin.requestid));
  const after = await turns();
  t.log(`its own after ${Math.round(performance.now() - postedMs)} ms, with ${after.more} of the flood tried more than once`);
  t.is(after.more, 0, 'some had a second turn before it had its first');

  /** How many of the flood were never tried, and how many more than once. */
  async function turns(): Promise<{ none: number; more: number }> {
    const pins = [...(await listAll(t, flood)).values()].filter(({ pin }) => pin.cid !== own.cid);
    const details = pins.map(({ info }) => info?.status_details ?? '');
    return {
      none: pins.filter(({ status }, index) => status === 'queued' && details[index] === '').length,
      more: details.filter((text) => /attempt [3-9] of/.test(text)).length,
    };
  }
});
