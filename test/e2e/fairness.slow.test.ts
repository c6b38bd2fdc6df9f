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
/** After its first turn. */
const FIRST_BACKOFF_MS = 30_000;
const DONE_MS = 150_000;

test("two thousand dead CIDs delay neither another account's living pin nor, beyond one turn each, their own account's", async (t) => {
  t.timeout(400_000);
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
  const tookMs = Math.round(performance.now() - postedMs);
  const early = await secondTurnsTooEarly();
  t.log(`its own after ${tookMs} ms, with ${early.second} of the flood tried a second time before it`);
  t.deepEqual(early.unfair, [], 'some had a second turn that was not due when the living pin was asked for');

  /** A second turn before the living pin's first is fair only if it was due before that pin came, as on a slow machine. */
  async function secondTurnsTooEarly(): Promise<{ second: number; unfair: string[] }> {
    const own = await eventsOf(ownPin.requestid);
    const ownTurnMs = own.find(({ event }) => event === 'fetching')?.atMs ?? 0;
    const tried = [...(await listAll(t, flood)).values()].filter(({ info }) => /attempt [3-9] of/.test(info?.status_details ?? ''));
    const unfair: string[] = [];
    let second = 0;
    for (const { requestid } of tried) {
      const events = await eventsOf(requestid);
      const turns = events.filter(({ event }) => event === 'fetching');
      const secondMs = turns[1]?.atMs ?? Number.POSITIVE_INFINITY;
      if (secondMs >= ownTurnMs) continue;
      second += 1;
      const putBackMs = events.find(({ event }) => event === 'waiting')?.atMs ?? 0;
      if (putBackMs + FIRST_BACKOFF_MS > Date.parse(ownPin.created)) unfair.push(requestid);
    }
    return { second, unfair };
  }

  async function eventsOf(requestId: string): Promise<{ event: string; atMs: number }[]> {
    const { body } = await daemon.admin('GET', `/admin/pins/${requestId}/log`);
    return (body as { events: { event: string; at: string }[] }).events.map(({ event, at }) => ({ event, atMs: Date.parse(at) }));
  }

  /** How many of the flood were never tried. */
  async function turns(): Promise<{ none: number }> {
    const pins = [...(await listAll(t, flood)).values()].filter(({ pin }) => pin.cid !== own.cid);
    const details = pins.map(({ info }) => info?.status_details ?? '');
    return {
      none: pins.filter(({ status }, index) => status === 'queued' && details[index] === '').length,
    };
  }
});
