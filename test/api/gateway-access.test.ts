import test from 'ava';
import { createTestGateway, type GatewayReply, read } from '../fixtures/create-gateway.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

function isFailure({ status, reason }: GatewayReply): string {
  return `${status} ${reason}`;
}

test('a token reads what its account pins, and what lies below', async (t) => {
  const { url, tier, alice, pin } = await createTestGateway(t);
  const key = await pin(alice, 1);
  const reply = await read(url, `/ipfs/${key}/a/b.txt?format=raw&x=1`, { headers: alice.headers });
  t.is(reply.status, 200);
  t.is(reply.text, 'hello');
  t.is(tier.requests[0]?.url, `/ipfs/${key}/a/b.txt?format=raw`);
});

test('what others pin, what failed elsewhere and what is nowhere look the same', async (t) => {
  const { url, alice, addReader, pin, tier } = await createTestGateway(t);
  const bob = await addReader('bob');
  const replies = [];
  for (const key of [await pin(bob, 1), await pin(bob, 2, 'failed'), await pin(bob, 3, 'queued'), createContentKey(4)]) {
    replies.push(await read(url, `/ipfs/${key}`, { headers: alice.headers }));
  }
  t.deepEqual([...new Set(replies.map((reply) => `${isFailure(reply)} ${reply.text.length}`))].length, 1);
  t.is(isFailure(replies[0] as GatewayReply), '404 NOT_FOUND');
  t.deepEqual(tier.requests, [], 'the tier was never asked');
});

test('without a token, with a bad one and without the scope there is nothing', async (t) => {
  const { url, alice, addReader, pin } = await createTestGateway(t);
  const key = await pin(alice, 1);
  t.is(isFailure(await read(url, `/ipfs/${key}`)), '401 UNAUTHORIZED');
  t.is(isFailure(await read(url, `/ipfs/${key}`, { headers: { Authorization: 'Bearer nonsense' } })), '401 UNAUTHORIZED');
  const writer = await addReader('writer', ['pins:read', 'pins:write']);
  t.is(isFailure(await read(url, `/ipfs/${await pin(writer, 2)}`, { headers: writer.headers })), '403 INSUFFICIENT_SCOPE');
});

test('an account that is suspended reads nothing', async (t) => {
  const { url, alice, accounts, pin } = await createTestGateway(t);
  const key = await pin(alice, 1);
  await accounts.setState(alice.account.id, 'suspended');
  t.is(isFailure(await read(url, `/ipfs/${key}`, { headers: alice.headers })), '403 ACCOUNT_SUSPENDED');
});

test('what is being fetched is a 503 that says so, and what failed a 404 with the reason, to its own account', async (t) => {
  const { url, alice, pin } = await createTestGateway(t);
  const waiting = await read(url, `/ipfs/${await pin(alice, 1, 'queued')}`, { headers: alice.headers });
  t.is(isFailure(waiting), '503 UNAVAILABLE');
  t.regex(waiting.details ?? '', /pinned, but not held yet: it waits to be fetched/);
  t.is(waiting.headers['retry-after'], '5');
  const failed = await read(url, `/ipfs/${await pin(alice, 2, 'failed')}`, { headers: alice.headers });
  t.is(isFailure(failed), '404 NOT_FOUND');
  t.regex(failed.details ?? '', /has failed: nobody has it/);
});

test('what was taken down is a 451, alone and below something else', async (t) => {
  const { url, alice, pins, pin, tier } = await createTestGateway(t);
  const [key, child] = [await pin(alice, 1), createContentKey(2)];
  await pins.block(child, 'asked to');
  t.is(isFailure(await read(url, `/ipfs/${child}`, { headers: alice.headers })), '451 CID_BLOCKED');
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': 5, 'X-Ipfs-Roots': `${key},${child}` }).end('hello');
  t.is(isFailure(await read(url, `/ipfs/${key}/child`, { headers: alice.headers })), '451 CID_BLOCKED');
  await pins.block(key, 'asked to');
  t.is(isFailure(await read(url, `/ipfs/${key}`, { headers: alice.headers })), '451 CID_BLOCKED');
});

test('a child alone is served while a content of the account that it belongs to is hot', async (t) => {
  const { url, alice, addReader, pin, cold, served } = await createTestGateway(t, {
    belongs: async (cid) => (cid.toString() === createContentKey(9) ? [createContentKey(5), createContentKey(1)] : []),
  });
  const bob = await addReader('bob');
  const child = createContentKey(9);
  await pin(bob, 5);
  t.is((await read(url, `/ipfs/${child}`, { headers: alice.headers })).status, 404);
  const parent = await pin(alice, 1);
  t.is((await read(url, `/ipfs/${child}`, { headers: alice.headers })).status, 200);
  t.like(served[0], { contentKey: parent, accountId: alice.account.id }, 'it counts for what holds it');
  cold.add(parent);
  t.is((await read(url, `/ipfs/${child}`, { headers: alice.headers })).status, 404);
});

test('public: everybody reads what anybody pins, and nothing else', async (t) => {
  const { url, alice, addReader, pin, served } = await createTestGateway(t, { isPublic: true, fetchAny: true });
  const key = await pin(alice, 1);
  t.is((await read(url, `/ipfs/${key}`)).status, 200);
  const bob = await addReader('bob');
  t.is((await read(url, `/ipfs/${key}`, { headers: bob.headers })).status, 200);
  t.deepEqual(
    served.map(({ accountId }) => accountId),
    ['public', bob.account.id],
  );
  t.is((await read(url, `/ipfs/${createContentKey(2)}`)).status, 404, 'fetch_any is for tokens');
  t.is((await read(url, `/ipfs/${await pin(alice, 3, 'queued')}`)).status, 404);
  t.is(isFailure(await read(url, `/ipfs/${key}`, { headers: { Authorization: 'Bearer nonsense' } })), '401 UNAUTHORIZED');
});

test('fetch_any: a token reads what nobody pins, so many bytes of it at most', async (t) => {
  const { url, alice, tier, served, retrieval } = await createTestGateway(t, { fetchAny: true, fetchBytesMax: 100 });
  const key = createContentKey(1);
  const reply = await read(url, `/ipfs/${key}`, { headers: alice.headers });
  t.is(reply.status, 200);
  t.like(served[0], { contentKey: key, source: 'network', bytes: 5 });
  t.deepEqual(retrieval.readings, []);
  t.deepEqual(retrieval.noted, [], 'what is not pinned has no popularity');
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': 101 }).end(Buffer.alloc(101));
  t.is(isFailure(await read(url, `/ipfs/${key}`, { headers: alice.headers })), '413 CONTENT_TOO_LARGE');
  tier.answer = (_req, res) => {
    res.write(Buffer.alloc(60));
    res.end(Buffer.alloc(60));
  };
  await t.throwsAsync(read(url, `/ipfs/${key}`, { headers: alice.headers }), { code: 'ECONNRESET' });
});

test('a link opens its content and what is below until it expires, whoever has it', async (t) => {
  const { url, alice, clock, pin, signer, served, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  const expiresSeconds = clock.nowMs() / 1000 + 60;
  const accountId = alice.account.id;
  const query = new URLSearchParams({
    expires: `${expiresSeconds}`,
    account: accountId,
    signature: signer.sign({ accountId, contentKey: key, expiresSeconds }),
  });
  for (const target of [`/ipfs/${key}?${query}`, `/ipfs/${key}/a/b?format=car&${query}`]) t.is((await read(url, target)).status, 200);
  t.is(tier.requests[1]?.url, `/ipfs/${key}/a/b?format=car`, 'the tier does not see the signature');
  t.like(served[0], { accountId, contentKey: key });
  const other = await pin(alice, 2);
  t.is(isFailure(await read(url, `/ipfs/${other}?${query}`)), '403 LINK_REFUSED');
  clock.advance(60_000);
  t.regex((await read(url, `/ipfs/${key}?${query}`)).details ?? '', /has expired/);
});

test('a good link opens whatever token comes along, and beside a bad one a token still counts', async (t) => {
  const { url, alice, addReader, clock, pin, signer, served } = await createTestGateway(t);
  const bob = await addReader('bob');
  const writer = await addReader('writer', ['pins:write']);
  const key = await pin(alice, 1);
  const accountId = alice.account.id;
  const expiresSeconds = clock.nowMs() / 1000 + 60;
  const signature = signer.sign({ accountId, contentKey: key, expiresSeconds });
  const target = `/ipfs/${key}?${new URLSearchParams({ expires: `${expiresSeconds}`, account: accountId, signature })}`;
  for (const headers of [bob.headers, writer.headers, { Authorization: 'Bearer nonsense' }, { Authorization: 'Basic eDp5' }])
    t.is((await read(url, target, { headers })).status, 200);
  t.deepEqual([...new Set(served.map((one) => one.accountId))], [accountId], 'it is read on account of the link');
  clock.advance(60_000);
  t.is((await read(url, target, { headers: alice.headers })).status, 200);
  t.is(isFailure(await read(url, target, { headers: bob.headers })), '404 NOT_FOUND');
  t.is(isFailure(await read(url, target, { headers: { Authorization: 'Bearer nonsense' } })), '401 UNAUTHORIZED');
});

test('a link that is forged in any part, or cut short, is refused', async (t) => {
  const { url, alice, addReader, clock, pin, signer } = await createTestGateway(t);
  const bob = await addReader('bob');
  const key = await pin(alice, 1);
  await pin(bob, 1);
  const accountId = alice.account.id;
  const expiresSeconds = clock.nowMs() / 1000 + 60;
  const signature = signer.sign({ accountId, contentKey: key, expiresSeconds });
  const good = { expires: `${expiresSeconds}`, account: accountId, signature };
  t.is((await read(url, `/ipfs/${key}?${new URLSearchParams(good)}`)).status, 200);
  for (const change of [
    { expires: `${expiresSeconds + 1}` },
    { expires: `0${expiresSeconds}x` },
    { account: bob.account.id },
    { account: 'alice' },
    { account: '' },
    { signature: '' },
    { signature: signature.slice(1) },
    { signature: `A${signature}` },
    { signature: Buffer.alloc(32).toString('base64url') },
  ]) {
    const reply = await read(url, `/ipfs/${key}?${new URLSearchParams({ ...good, ...change })}`);
    t.is(isFailure(reply), '403 LINK_REFUSED', JSON.stringify(change));
  }
});

test('a link dies with its pin and with its account, and a public gateway does not revive it', async (t) => {
  const { url, alice, accounts, pins, clock, pin, signer } = await createTestGateway(t);
  const key = await pin(alice, 1);
  const accountId = alice.account.id;
  const expiresSeconds = clock.nowMs() / 1000 + 60;
  const signature = signer.sign({ accountId, contentKey: key, expiresSeconds });
  const target = `/ipfs/${key}?${new URLSearchParams({ expires: `${expiresSeconds}`, account: accountId, signature })}`;
  await accounts.setState(accountId, 'suspended');
  t.is(isFailure(await read(url, target)), '403 LINK_REFUSED');
  await accounts.setState(accountId, 'active');
  t.is((await read(url, target)).status, 200);
  await pins.removeAll(accountId);
  t.is(isFailure(await read(url, target)), '404 NOT_FOUND');
  await accounts.setState(accountId, 'deleting');
  await accounts.remove(accountId);
  t.is(isFailure(await read(url, target)), '403 LINK_REFUSED');
});

test('guessing signatures is slowed down like guessing tokens', async (t) => {
  const { url, alice, pin } = await createTestGateway(t, { limits: { badTokensPerMinute: 2 } });
  const target = `/ipfs/${await pin(alice, 1)}?expires=9999999999&account=${alice.account.id}&signature=`;
  const replies = [];
  for (const guess of ['a', 'b', 'c']) replies.push((await read(url, target + guess)).status);
  t.deepEqual(replies, [403, 403, 429]);
});
