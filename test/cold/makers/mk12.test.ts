import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { createHttpClient } from '../../../daemon/cold/makers/mk12/http.ts';
import { createKeySigner } from '../../../daemon/cold/wallet/key-file.ts';
import { ColdError, type DealMaker } from '../../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../../daemon/domain/deal.ts';
import type { Resolver } from '../../../daemon/domain/resolve-address.ts';
import { responseBytes } from './mk12-wire.ts';
import { firstOf, type Mk12World, makerFor, tokenOf, worldFor } from './mk12-world.ts';
import { asKept, never, prepare, stagedPiece } from './suite.ts';
import type { StagedPiece } from './world.ts';

/** Changes what the chain says of a provider's addresses. */
function announce(world: Mk12World, multiaddrs: readonly string[]): void {
  Object.assign(firstOf(world).info, { multiaddrs });
}

async function failsWith(t: ExecutionContext, call: Promise<unknown>, failure: ColdError['failure'], message?: RegExp): Promise<void> {
  const error = await t.throwsAsync<ColdError>(call, { instanceOf: ColdError });
  t.is(error?.failure, failure, error?.message);
  if (message !== undefined) t.regex(error?.message ?? '', message);
}

async function readAll(maker: DealMaker, deal: Deal, { piece }: StagedPiece): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(maker.retrieve(deal, piece, never)));
}

/** A piece whose provider has it, and the deal about it. */
async function kept(world: Mk12World): Promise<{ deal: Deal; staged: StagedPiece }> {
  const staged = await stagedPiece(world);
  const { id } = firstOf(world);
  const prepared = await prepare(world, staged.piece, id);
  await world.maker.send(prepared, never);
  await world.advance(20);
  return { deal: { id: 'a', provider: id, ...prepared } as unknown as Deal, staged };
}

async function serverFor(
  t: ExecutionContext,
  onRequest: Parameters<typeof createServer>[1],
): Promise<{ server: Server; origin: string; port: number }> {
  const server = createServer(onRequest as never);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${port}`, port };
}

// ---------------------------------------------------------------------------------------------------------------
// What is sent

test('over a websocket a deal is made, too', async (t) => {
  const world = await worldFor(t, 'ws');
  const { piece } = await stagedPiece(world);
  t.true((await world.maker.ask(firstOf(world).id, never)).priceAttoPerGibEpoch > 0n);
  const prepared = await prepare(world, piece, firstOf(world).id);
  t.is((await world.maker.send(prepared, never)).kind, 'sent');
  t.is((await world.truth.deals()).length, 1);
});

test('all of a deal is fixed before it is sent: its UUID, its terms, from where it is fetched, and by what CIDs it is called', async (t) => {
  const world = await worldFor(t, 'http');
  Object.assign(world.devnet.world, { collateralMin: 123n });
  const { piece } = await stagedPiece(world);
  const order = { ...(await world.orderOf(piece, firstOf(world).id)), dealId: '2d213ad6-72a1-4804-b39a-0951940bcbb8' };
  const { terms, request, wallet, proposalCid } = await world.maker.prepare(order, never);
  t.is(terms.providerCollateralAtto, 147n);
  t.is(terms.endEpoch, order.startEpoch + order.durationEpochs);
  t.is(wallet, world.devnet.wallet);
  const { proposal, transfer, cids, uuid } = request as Record<string, Record<string, unknown>>;
  t.is(uuid as unknown, order.dealId);
  t.is(proposal?.label, piece.rootCid);
  t.is(transfer?.sizeBytes, piece.carSizeBytes);
  t.deepEqual(transfer?.headers, { Authorization: `Bearer ${tokenOf(order.dealId)}` });
  t.is(cids?.signed, proposalCid);
  for (const cid of Object.values(cids ?? {})) t.is(CID.parse(cid as string).version, 1);
  t.is(new Set(Object.values(cids ?? {})).size, 3);
  Object.assign(world.devnet.world, { collateralMin: 0n });
  t.is((await world.maker.prepare(order, never)).terms.providerCollateralAtto, 0n);
});

test('a key of our own makes the very same deal', async (t) => {
  const world = await worldFor(t, 'http');
  const { signer } = createKeySigner(world.devnet.world.wallet.key(world.devnet.wallet).secret);
  const maker = makerFor(t, world, { signer });
  const { piece } = await stagedPiece(world);
  const order = await world.orderOf(piece, firstOf(world).id);
  const prepared = await maker.prepare(order, never);
  t.deepEqual(prepared, await world.maker.prepare(order, never));
  world.faults.weakToken();
  t.is(await maker.problem(never), undefined);
  t.is((await maker.send(prepared, never)).kind, 'sent');
});

test('a provider that wants a larger piece gets zeros after the CAR', async (t) => {
  const world = await worldFor(t, 'http');
  const staged = await stagedPiece(world);
  const piece = { ...staged.piece, pieceSizeBytes: staged.piece.pieceSizeBytes * 4 };
  const { request } = await world.maker.prepare(await world.orderOf(piece, firstOf(world).id), never);
  t.is((request.transfer as { sizeBytes: number }).sizeBytes, (piece.pieceSizeBytes / 256) * 127 + 1);
});

// ---------------------------------------------------------------------------------------------------------------
// Exactly once

for (const way of ['http', 'tcp'] as const)
  test(`${way}: what the provider has already is not proposed again, whatever it would say to it`, async (t) => {
    const world = await worldFor(t, way);
    const { provider, id } = firstOf(world);
    const { piece } = await stagedPiece(world);
    const prepared = await prepare(world, piece, id);
    t.is((await world.maker.send(prepared, never)).kind, 'sent');
    t.is(provider.proposals, 1);
    world.devnet.faults.provider(id, { refuse: 'clientMarketBalance.Available too small: 0 < 1' });
    t.is((await world.restarted().send(asKept(prepared), never)).kind, 'sent');
    t.is(provider.proposals, 1);
  });

test('who does not tell what it knows is not proposed to', async (t) => {
  const world = await worldFor(t, 'http');
  const { provider, id } = firstOf(world);
  const { piece } = await stagedPiece(world);
  const prepared = await prepare(world, piece, id);
  const { status } = provider.market;
  for (const told of [Buffer.from('<html></html>'), Uint8Array.of(0xbb, 0x7f), Buffer.alloc(1 << 20, 0x81), new Uint8Array(0)]) {
    provider.market.status = async () => told;
    await failsWith(t, world.maker.send(prepared, never), 'unreachable', /cannot be read/);
  }
  provider.market.status = () => Promise.reject(new Error('no'));
  await failsWith(t, world.maker.send(prepared, never), 'unreachable');
  t.is(provider.proposals, 0);
  provider.market.status = status;
  t.is((await world.maker.send(prepared, never)).kind, 'sent');
});

test('a no of the server before the market begins nothing; what may have come after leaves it open', async (t) => {
  const world = await worldFor(t, 'http');
  const { provider, id } = firstOf(world);
  const { piece } = await stagedPiece(world);
  const prepared = await prepare(world, piece, id);
  const answers: [number, string][] = [];
  const { port } = await serverFor(t, async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request));
    if (request.url === '/market/mk12/status') return response.end(await provider.market.status(body));
    response.writeHead(answers.shift()?.[0] ?? 200).end();
  });
  announce(world, [`/ip4/127.0.0.1/tcp/${port}/http`]);
  answers.push([429, ''], [400, ''], [404, ''], [503, ''], [502, '']);
  t.like(await world.maker.send(prepared, never), { kind: 'refused', why: 'busy' });
  t.like(await world.maker.send(prepared, never), { kind: 'refused', why: 'other' });
  t.like(await world.maker.send(prepared, never), { kind: 'refused', why: 'other' });
  await failsWith(t, world.maker.send(prepared, never), 'unreachable', /HTTP 503/);
  await failsWith(t, world.maker.send(prepared, never), 'unreachable', /HTTP 502/);
});

test('a report tells what the provider says, that it knows nothing, or that it does not answer', async (t) => {
  const world = await worldFor(t, 'tcp');
  const { provider, id } = firstOf(world);
  const { piece } = await stagedPiece(world);
  const prepared = await prepare(world, piece, id);
  t.deepEqual(await world.maker.report(prepared, never), { kind: 'absent' });
  await world.maker.send(prepared, never);
  t.like(await world.maker.report(prepared, never), { kind: 'going', state: 'accepted' });
  await provider.stop();
  t.like(await world.maker.report(prepared, never), { kind: 'doubtful' });
  world.devnet.faults.rpc('StateMinerInfo', 'reset');
  await failsWith(t, world.maker.report(prepared, never), 'unreachable');
});

test('libp2p is spoken before plain HTTP, and who speaks neither is not dealt with', async (t) => {
  const world = await worldFor(t, 'tcp');
  const { provider, id } = firstOf(world);
  const asked: string[] = [];
  const { port } = await serverFor(t, (request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(404).end();
  });
  announce(world, [`/ip4/127.0.0.1/tcp/${port}/http`, ...provider.multiaddrs]);
  t.true((await world.maker.ask(id, never)).maxPieceSizeBytes > 0);
  const { piece } = await stagedPiece(world);
  t.is((await world.maker.send(await prepare(world, piece, id), never)).kind, 'sent');
  t.deepEqual(asked, [], 'what others can listen to comes last');
  announce(world, [`/ip4/127.0.0.1/tcp/${port}/http`]);
  await failsWith(t, world.maker.ask(id, never), 'refused', /makes no deals over HTTP/);
  t.deepEqual(asked, ['/market/mk12/ask']);
  announce(world, []);
  await failsWith(t, world.maker.ask(id, never), 'refused', /announces no address/);
});

test("an ask above every cap, or one that is another provider's, is passed on or refused, and nothing more", async (t) => {
  const world = await worldFor(t, 'http');
  const { provider, id } = firstOf(world);
  const { ask } = provider.market;
  provider.market.ask = async () => Buffer.from('a16341736bf6', 'hex');
  await failsWith(t, world.maker.ask(id, never), 'refused', /has no ask/);
  provider.market.ask = async () => responseBytes(true, '');
  await failsWith(t, world.maker.ask(id, never), 'unreachable');
  provider.market.ask = ask;
  Object.assign(firstOf(world).info, { ask: { ...firstOf(world).info.ask, price: 10n ** 40n } });
  t.is((await world.maker.ask(id, never)).priceAttoPerGibEpoch, 10n ** 40n);
});

// ---------------------------------------------------------------------------------------------------------------
// Where we do not go

function resolverOf(zone: Readonly<Record<string, readonly string[]>>): Resolver {
  return {
    addresses: async (host) => (zone[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    texts: async () => [],
  };
}

for (const way of ['http', 'tcp', 'ws'] as const)
  test(`${way}: a provider that announces an address of our own network is not talked to, by whatever name`, async (t) => {
    const world = await worldFor(t, way);
    const { provider, id } = firstOf(world);
    const maker = makerFor(t, world, { allowPrivate: false, resolver: resolverOf({ 'sp.example.org': ['127.0.0.1', '::1', '10.0.0.1'] }) });
    const named = provider.multiaddrs.map((one) => one.replace('/ip4/127.0.0.1', '/dns4/sp.example.org'));
    const { piece } = await stagedPiece(world);
    const prepared = await prepare(world, piece, id);
    for (const addresses of [
      provider.multiaddrs,
      named,
      provider.multiaddrs.map((one) => one.replace('/ip4/127.0.0.1', '/dns4/localhost')),
    ]) {
      announce(world, addresses);
      await failsWith(t, maker.ask(id, never), 'refused');
      t.like(await maker.send(prepared, never), { kind: 'refused', why: 'other' });
      t.is(await maker.retrievalPrice({ provider: id } as Deal, piece, never), undefined);
    }
    t.deepEqual(provider.paths, []);
    t.is(provider.proposals, 0);
    announce(world, named);
    const allowed = makerFor(t, world, { resolver: resolverOf({ 'sp.example.org': ['127.0.0.1'] }) });
    t.true((await allowed.ask(id, never)).minPieceSizeBytes > 0, 'where it is allowed, the name works');
  });

test('a server that sends us on is followed three times, and not into our own network', async (t) => {
  let hops = 0;
  const { origin } = await serverFor(t, (request, response) => {
    hops += 1;
    if (request.url === '/3') return response.end('here');
    response.writeHead(302, { location: request.url === '/loop' ? '/loop' : `/${Number(request.url?.slice(1)) + 1}` }).end();
  });
  const ask = { method: 'GET' as const, deadlineMs: 5_000, stallMs: 5_000, redirectsMax: 3, signal: never };
  const http = createHttpClient({ resolver: resolverOf({}), allowPrivate: true });
  const reply = await http.request(new URL('/0', origin), ask);
  t.is(Buffer.concat(await Array.fromAsync(reply.body)).toString(), 'here');
  hops = 0;
  const looping = await http.request(new URL('/loop', origin), ask);
  looping.close();
  t.is(looping.status, 302);
  t.is(hops, 4);
  for (const url of [
    origin,
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest',
    'http://0.0.0.0/',
    'http://user@example.org/',
    'ftp://example.org/',
  ])
    await failsWith(t, createHttpClient({ resolver: resolverOf({}), allowPrivate: false }).request(new URL(url), ask), 'refused');
});

// ---------------------------------------------------------------------------------------------------------------
// Bytes back

test('a gateway that answers with nothing, or has not indexed it, is passed over for the piece', async (t) => {
  const world = await worldFor(t, 'tcp');
  const { deal, staged } = await kept(world);
  const { provider } = firstOf(world);
  const whole = await readAll(world.maker, deal, staged);
  t.is(whole.length, staged.piece.carSizeBytes, 'without the zeros after it');
  provider.trouble = { empty: true };
  const dag = await world.maker.open(deal, staged.piece, staged.piece.rootCid, never);
  t.true(whole.equals(Buffer.concat(await Array.fromAsync(dag.car(never)))));
  t.true(whole.equals(Buffer.concat(await Array.fromAsync(dag.car(never)))), 'and once more');
  t.is(dag.block, undefined);
  await dag.close();
});

test('single blocks are offered only where the server gives them', async (t) => {
  const world = await worldFor(t, 'http');
  const { deal, staged } = await kept(world);
  const { provider } = firstOf(world);
  const root = CID.parse(staged.piece.rootCid);
  const dag = await world.maker.open(deal, staged.piece, staged.piece.rootCid, never);
  t.true(((await dag.block?.(root, never))?.length ?? 0) > 0);
  await dag.close();
  provider.trouble = { noBlocks: true };
  const without = await world.maker.open(deal, staged.piece, staged.piece.rootCid, never);
  t.is(without.block, undefined);
  await without.close();
});

test('the piece is had from a gateway that serves no pieces, where its bytes are those of the DAG', async (t) => {
  const world = await worldFor(t, 'http');
  const { deal, staged } = await kept(world);
  firstOf(world).provider.market.piece = async () => undefined;
  t.is((await readAll(world.maker, deal, staged)).length, staged.piece.carSizeBytes);
  t.is(await world.maker.retrievalPrice(deal, staged.piece, never), 0n);
});

test('a router knows by what address the same peer gives bytes back; of others nothing is taken', async (t) => {
  const world = await worldFor(t, 'tcp');
  const { deal, staged } = await kept(world);
  const { provider, info } = firstOf(world);
  const gateway = await serverFor(t, async (request, response) => {
    const cid = new URL(request.url ?? '', 'http://gateway').pathname.split('/')[2] ?? '';
    const bytes = request.url?.startsWith('/piece/') ? undefined : await provider.market.car(cid);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  let providers: unknown = [];
  const router = await serverFor(t, (_request, response) => void response.end(JSON.stringify({ Providers: providers })));
  const maker = makerFor(t, world, { routingUrl: router.origin });
  // It is not reached by itself any more.
  announce(world, ['/ip4/127.0.0.1/tcp/1']);
  const addresses = [`/ip4/127.0.0.1/tcp/${gateway.port}/http`];
  for (const none of [
    [],
    'x',
    null,
    [
      { Schema: 'peer', ID: '12D3KooWARsK6QacmeAa9D633ndCwcLKCz7THV7HmXoEN92Rmyad', Addrs: addresses },
      null,
      { ID: info.peerId, Addrs: ['nonsense'] },
    ],
  ]) {
    providers = none;
    await failsWith(t, readAll(maker, deal, staged), 'unreachable');
  }
  providers = [{ Schema: 'peer', ID: info.peerId, Addrs: addresses, Protocols: ['transport-ipfs-gateway-http'] }];
  t.is((await readAll(maker, deal, staged)).length, staged.piece.carSizeBytes);
  router.server.closeAllConnections();
  router.server.close();
  announce(world, provider.multiaddrs);
  t.is((await readAll(maker, deal, staged)).length, staged.piece.carSizeBytes, 'a router that is down takes nothing away');
});

test('bytes come back while Lotus is down', async (t) => {
  const world = await worldFor(t, 'http');
  const { deal, staged } = await kept(world);
  const whole = await readAll(world.maker, deal, staged);
  world.devnet.faults.rpc('*', 'reset');
  t.true(whole.equals(await readAll(world.maker, deal, staged)));
  await failsWith(t, readAll(world.restarted(), deal, staged), 'unreachable');
});

test('connections end with what they were for', async (t) => {
  const world = await worldFor(t, 'http');
  const { deal, staged } = await kept(world);
  const { port } = new URL(
    `http://${firstOf(world).provider.multiaddrs[0]?.replace('/ip4/', '').replace('/tcp/', ':').replace('/http', '')}`,
  );
  const open = () =>
    (process as unknown as { _getActiveHandles(): { remotePort?: number; destroyed?: boolean }[] })
      ._getActiveHandles()
      .filter((one) => one.remotePort === Number(port) && one.destroyed !== true).length;
  const dag = await world.maker.open(deal, staged.piece, staged.piece.rootCid, never);
  await dag.close();
  for await (const _ of world.maker.retrieve(deal, staged.piece, never)) break;
  await world.maker.ask(firstOf(world).id, never);
  t.is(open(), 0);
});
