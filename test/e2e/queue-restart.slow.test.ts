import test from 'ava';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createClient, type PinStatusBody, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { inFlight } from '../fixtures/in-flight.ts';
import { poll } from '../fixtures/poll.ts';
import { listAll } from './ledger.ts';

const PINS = 10_000;
const CALLERS = 16;
const ACCOUNTS = ['ada', 'bob', 'cyd', 'dan'];
/** More of those that were not being fetched than these need not be looked at one by one. */
const SAMPLE = 100;

test('ten thousand queued pins: after kill -9 all are there, and only what was in flight is begun again', async (t) => {
  t.timeout(400_000);
  const daemon = await createDaemon(t, { config: { limits: { stall_timeout: '30m' } } });
  const clients: TestClient[] = [];
  for (const name of ACCOUNTS) clients.push(createClient(daemon.apiUrl, await daemon.createToken(name)));
  const wanted = Array.from({ length: PINS }, (_, index) => createCid(`dead ${index}`).toString()).entries();
  const postedMs = performance.now();
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      const client = clients[caller % clients.length];
      for (const [index, cid] of wanted) await client?.add({ cid, name: `pin ${index}` });
    }),
  );
  t.log(`${PINS} accepted in ${Math.round(performance.now() - postedMs)} ms`);
  await poll('some are being fetched', 60_000, async () => (await fetching(daemon)) >= 8);

  await daemon.kill('SIGKILL');
  const cutShort = new Set(await inFlight(daemon.stateDir));
  const startedMs = performance.now();
  await daemon.start();
  const tookMs = Math.round(performance.now() - startedMs);
  await poll('it says so in its log', 10_000, () => daemon.log().includes('readyAfterMs'));
  t.log(`ready ${tookMs} ms after the process began, ${/"readyAfterMs":(\d+)/.exec(daemon.log())?.[1]} ms after main did`);

  await poll('what was in flight is begun again', 60_000, async () => (await fetching(daemon)) >= Math.min(cutShort.size, 8));
  const pins: PinStatusBody[] = [];
  for (const client of clients) pins.push(...(await listAll(t, client)).values());
  t.is(pins.length, PINS);
  t.is(new Set(pins.map(({ pin }) => pin.cid)).size, PINS);
  t.is(new Set(pins.map(({ pin }) => pin.name)).size, PINS);
  const status = (await daemon.admin('GET', '/admin/status')).body as { pins: Record<string, number> };
  t.is((status.pins.queued ?? 0) + (status.pins.pinning ?? 0), PINS);

  const key = ({ pin }: PinStatusBody) => contentKeyOf(parseCid(pin.cid));
  const touched = pins.filter((pin) => pin.status !== 'queued' || pin.info !== undefined || cutShort.has(key(pin)));
  t.log(`${cutShort.size} were in flight, ${touched.length} of ${PINS} have ever been`);
  t.true(touched.length < PINS / 2);
  const untouched = pins.filter((pin) => !touched.includes(pin));
  for (const pin of [...touched, ...untouched.slice(0, SAMPLE), ...untouched.slice(-SAMPLE)]) {
    const { begun, putBack } = await fetchesOf(daemon, pin.requestid);
    const most = 1 + putBack + Number(cutShort.has(key(pin)));
    t.true(begun <= most, `${pin.pin.cid} (${pin.status}) was begun ${begun} times, put back for others ${putBack} times`);
  }

  // An account's end that is cut short is finished by the next start.
  const [leaving = ''] = ACCOUNTS;
  const own = (await clients[0]?.list('status=queued,pinning&limit=1'))?.count ?? 0;
  const deletion = daemon.admin('DELETE', `/admin/accounts/${leaving}`).catch(() => undefined);
  const left = async () => Object.values(((await daemon.admin('GET', '/admin/status')).body as { pins: Record<string, number> }).pins);
  await poll('some of its pins are gone', 60_000, async () => sum(await left()) < PINS);
  await daemon.kill('SIGKILL');
  await deletion;
  await daemon.start();
  t.is((await daemon.admin('GET', `/admin/accounts/${leaving}`)).status, 404);
  t.is((await clients[0]?.call('GET', '/pins'))?.status, 401);
  t.is(sum(await left()), PINS - own);
  t.is((await daemon.cli('check')).code, 0);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function fetching(daemon: TestDaemon): Promise<number> {
  return ((await daemon.admin('GET', '/admin/status')).body as { fetching: number }).fetching;
}

async function fetchesOf(daemon: TestDaemon, requestId: string): Promise<{ begun: number; putBack: number }> {
  const { body } = await daemon.admin('GET', `/admin/pins/${requestId}/log`);
  const { events } = body as { events: { event: string; text: string }[] };
  return {
    begun: events.filter(({ event }) => event === 'fetching').length,
    putBack: events.filter(({ event, text }) => event === 'waiting' && text.startsWith('no peer found so far')).length,
  };
}
