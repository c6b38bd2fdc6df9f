import { Configuration, RemotePinningServiceClient, Status, TextMatchingStrategy } from '@ipfs-shipyard/pinning-service-client';
import test from 'ava';

import { createTestApi } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';

const ALL = [Status.Queued, Status.Pinning, Status.Pinned, Status.Failed];

test('the JavaScript client adds, reads, lists, pages, replaces and removes', async (t) => {
  const { url, user } = await createTestApi(t);
  const client = new RemotePinningServiceClient(new Configuration({ endpointUrl: url, accessToken: user.secret }));
  const cid = createCid('one').toString();

  const added = await client.pinsPost({ pin: { cid, name: 'First', meta: { app_id: 'x' } } });
  t.is(added.status, Status.Queued);
  t.is(added.pin.cid, cid);
  t.true(added.delegates.length > 0);
  t.is((await client.pinsRequestidGet({ requestid: added.requestid })).pin.name, 'First');

  for (let i = 0; i < 24; i++) await client.pinsPost({ pin: { cid: createCid(`c${i}`).toString() } });
  const seen = new Set<string>();
  let page = await client.pinsGet({ status: ALL });
  for (const pin of page.results) seen.add(pin.requestid);
  while (page.results.length < page.count) {
    const before = page.results.at(-1)?.created ?? new Date(0);
    page = await client.pinsGet({ status: ALL, before });
    for (const pin of page.results) seen.add(pin.requestid);
  }
  t.is(seen.size, 25);

  t.is((await client.pinsGet({ name: 'first', match: TextMatchingStrategy.Iexact })).count, 1);
  t.is((await client.pinsGet({ meta: { app_id: 'x' } })).count, 1, 'it sends meta in brackets');
  t.is((await client.pinsGet({ cid: [cid] })).count, 1);

  const replaced = await client.pinsRequestidPost({ requestid: added.requestid, pin: { cid, name: 'Second' } });
  t.not(replaced.requestid, added.requestid);
  await client.pinsRequestidDelete({ requestid: replaced.requestid });
  t.is((await client.pinsGet({ cid: [cid] })).count, 0);
});

test('the JavaScript client shows a refusal as the response it was', async (t) => {
  const { url } = await createTestApi(t);
  const client = new RemotePinningServiceClient(new Configuration({ endpointUrl: url, accessToken: 'nonsense' }));
  const response: unknown = await client.pinsGet({}).catch((error: unknown) => error);
  if (!(response instanceof Response)) return t.fail('it throws the response');
  t.is(response.status, 401);
  t.like(await response.json(), { error: { reason: 'UNAUTHORIZED' } });
});
