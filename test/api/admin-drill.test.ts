import test from 'ava';

import type { DrilledCopy } from '../../daemon/domain/drill.ts';
import { FbpdError } from '../../daemon/domain/errors.ts';
import type { components } from '../../spec/fbpd.ts';
import { createColdAdmin, createTestAdmin } from '../fixtures/create-admin.ts';
import { createDagPbCid } from '../fixtures/create-cid.ts';

type Schemas = components['schemas'];

const CID = createDagPbCid('x').toV1().toString();

function copyFrom(provider: string, tookMs: number, change: Partial<DrilledCopy> = {}): DrilledCopy {
  const came = { end: 'ok', code: 'done', text: 'it gave what was missing', bytes: 1_000, firstByteMs: 5 } as const;
  return { contentKey: CID, provider, dealId: `deal-${provider}`, tookMs, ...came, ...change };
}

function linesOf(text: string): Schemas['DrillLine'][] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a drill tells each copy as it ends, and at last what they say of each provider', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  t.deepEqual((await send('GET', '/admin/drill')).body, {});
  cold.drills.copies = [
    ...[300, 100, 200].map((tookMs) => copyFrom('f01000', tookMs)),
    copyFrom('f01001', 60_000, { end: 'failed', code: 'stalled', text: 'nothing came for 60 s', bytes: 0 }),
    copyFrom('f01001', 0, { end: 'skipped', code: 'silent', text: 'not asked, as it had just not answered', bytes: 0 }),
  ];
  const { status, body } = await send<string>('POST', '/admin/drill', { count: 3 });
  t.is(status, 200);
  const lines = linesOf(body);
  t.deepEqual(lines[0], { done: false, planned: 5 });
  t.is(lines.filter(({ copy }) => copy !== undefined).length, 5);
  const { report } = lines.at(-1) ?? {};
  t.deepEqual(report?.providers, [
    {
      provider: 'f01001',
      ok: 0,
      failed: 1,
      skipped: 1,
      bytes: 0,
      why: ['nothing came for 60 s', 'not asked, as it had just not answered'],
    },
    {
      provider: 'f01000',
      ok: 3,
      failed: 0,
      skipped: 0,
      bytes: 3_000,
      firstByteMs: 5,
      p50Ms: 200,
      p95Ms: 300,
      bytesPerSecond: 5_000,
      why: [],
    },
  ]);
  t.deepEqual((await send('GET', '/admin/drill')).body, { last: report });
  t.deepEqual(cold.drills.asked, [{ count: 3 }]);
});

test('contents are named in any form, and those that nobody has are told', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  const { body } = await send<string>('POST', '/admin/drill', { cids: [createDagPbCid('x').toString(), createDagPbCid('y').toString()] });
  t.deepEqual(cold.drills.asked, [{ contentKeys: [CID, createDagPbCid('y').toV1().toString()] }]);
  t.is(linesOf(body).at(-1)?.report?.without.length, 2);
});

test('what cannot be begun is an error, and what is no drill is refused', async (t) => {
  const { send, cold } = await createColdAdmin(t);
  for (const body of [{ cids: ['nonsense'] }, { cids: [] }, { count: 0 }, { count: 101 }, { colour: 'red' }]) {
    t.is((await send('POST', '/admin/drill', body)).status, 400, JSON.stringify(body));
  }
  cold.drills.error = new FbpdError('CONFLICT', 'drill: another one is under way; wait for its end');
  t.is((await send('POST', '/admin/drill', {})).status, 409);
  cold.drills.error = new FbpdError('UNAVAILABLE', 'drill: the chain cannot be read');
  t.is((await send('POST', '/admin/drill', {})).status, 503);
  const none = await createTestAdmin(t);
  t.is((await none.send('POST', '/admin/drill', {})).status, 409);
  t.is((await none.send('GET', '/admin/drill')).status, 409);
});
