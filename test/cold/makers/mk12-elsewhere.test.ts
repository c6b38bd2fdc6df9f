import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { CarBufferWriter } from '@ipld/car';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { createElsewhere, type ElsewhereOptions, partiesOf } from '../../../daemon/cold/makers/mk12/elsewhere.ts';
import { createHttpClient } from '../../../daemon/cold/makers/mk12/http.ts';
import { createRetrieval } from '../../../daemon/cold/makers/mk12/retrieval.ts';
import { ColdError } from '../../../daemon/domain/cold-ports.ts';
import type { Elsewhere } from '../../../daemon/domain/retrieval-ports.ts';
import { createMemoryBlocks, type MemoryBlocks } from '../../fixtures/create-dag.ts';
import { createRouter, gatewayRecord } from '../../fixtures/create-router.ts';
import { DAG_CBOR, dagCborList, RAW } from '../../hot/blocks.ts';

const never = new AbortController().signal;
const PEERS = [
  '12D3KooWARsK6QacmeAa9D633ndCwcLKCz7THV7HmXoEN92Rmyad',
  '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5',
  '12D3KooWJRSrypvnpHgc6ZAgyCni4KcSmbV7uGRaMw5LgMKT18fq',
];

interface TestGateway {
  origin: string;
  paths: string[];
  /** Only blocks, as the gateways of most nodes have it. */
  noCars: boolean;
  priced: boolean;
}

/** A trustless gateway over blocks in memory. */
async function gatewayFor(t: ExecutionContext, blocks: MemoryBlocks): Promise<TestGateway> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://gateway');
    const cid = url.pathname.split('/')[2] ?? '';
    gateway.paths.push(url.pathname);
    const bytes = blocks.bytes.get(cid);
    if (gateway.priced) response.writeHead(402).end();
    else if (bytes === undefined) response.writeHead(404).end('not found\n');
    else if (url.searchParams.get('format') === 'raw') response.end(bytes);
    else if (gateway.noCars) response.writeHead(406).end();
    else response.end(carOfAll(cid, blocks));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway: TestGateway = { origin, paths: [], noCars: false, priced: false };
  return gateway;
}

function carOfAll(root: string, { bytes }: MemoryBlocks): Uint8Array {
  const writer = CarBufferWriter.createWriter(new ArrayBuffer(1 << 20), { roots: [CID.parse(root)] });
  for (const [cid, block] of [...bytes].toReversed()) writer.write({ cid: CID.parse(cid), bytes: block });
  return writer.close({ resize: true });
}

async function contentOf(): Promise<{ blocks: MemoryBlocks; root: CID }> {
  const blocks = createMemoryBlocks();
  const leaves = [];
  for (let n = 0; n < 5; n++) leaves.push(await blocks.put(RAW, randomBytes(1_000)));
  return { blocks, root: await blocks.put(DAG_CBOR, dagCborList(leaves)) };
}

function elsewhereAt(routingUrl: string, options: Partial<ElsewhereOptions> & { allowPrivate?: boolean; zone?: string } = {}): Elsewhere {
  const { allowPrivate = true, zone, ...more } = options;
  const resolver = { addresses: async () => [{ address: zone ?? '127.0.0.1', family: 4 as const }], texts: async () => [] };
  const router = createHttpClient({ resolver, allowPrivate: true });
  const http = createHttpClient({ resolver, allowPrivate });
  const layouts = { of: async () => undefined };
  const retrieval = createRetrieval({ http, firstByteMs: 5_000, priceMs: 5_000, stallMs: 5_000, layouts });
  const nobody = async () => ({ peers: [], origins: [] });
  return createElsewhere({ http: router, retrieval, routingUrl, deadlineMs: 5_000, announced: nobody, ...more });
}

for (const way of ['json', 'lines', 'endless'] as const)
  test(`${way}: who is named as a gateway gives the DAG, and its blocks`, async (t) => {
    const { blocks, root } = await contentOf();
    const [router, gateway] = await Promise.all([createRouter(t), gatewayFor(t, blocks)]);
    router.way = way;
    router.providers = [{ Schema: 'bitswap', ID: PEERS[1] }, null, 7, 'x', gatewayRecord(PEERS[0] ?? '', gateway.origin)];
    const [party, ...others] = await elsewhereAt(router.url).find(root.toString(), [], never);
    t.deepEqual(others, []);
    t.is(party?.name, PEERS[0]);
    t.deepEqual(router.asked, [root.toString()]);
    const dag = await party?.open(never);
    t.is(Buffer.concat(await Array.fromAsync(dag?.car(never) ?? [])).length, carOfAll(root.toString(), blocks).length);
    t.deepEqual(Buffer.from((await dag?.block?.(root, never)) ?? []), Buffer.from(blocks.bytes.get(root.toString()) ?? []));
    await dag?.close();
  });

test('a gateway that gives no CARs gives the blocks; one that wants money gives nothing', async (t) => {
  const { blocks, root } = await contentOf();
  const [router, gateway] = await Promise.all([createRouter(t), gatewayFor(t, blocks)]);
  router.providers = [gatewayRecord(PEERS[0] ?? '', gateway.origin)];
  const [party] = await elsewhereAt(router.url).find(root.toString(), [], never);
  gateway.noCars = true;
  const dag = await party?.open(never);
  t.true(Buffer.concat(await Array.fromAsync(dag?.car(never) ?? [])).length < 100, 'a header alone');
  for (const [cid, bytes] of blocks.bytes) t.deepEqual(Buffer.from((await dag?.block?.(CID.parse(cid), never)) ?? []), Buffer.from(bytes));
  gateway.priced = true;
  await t.throwsAsync(async () => await party?.open(never), { instanceOf: ColdError, message: /paid|neither/ });
});

test('a router that is busy, or says nothing that can be read, is said so, and one that says nothing is given up', async (t) => {
  const router = await createRouter(t);
  const { root } = await contentOf();
  for (const [way, message] of [
    ['busy', /HTTP 429/],
    ['garbage', /no list of providers/],
    ['silent', /did not answer within 0\.2 s/],
  ] as const) {
    router.way = way;
    const error = await t.throwsAsync(
      elsewhereAt(router.url, { deadlineMs: way === 'silent' ? 200 : 5_000 }).find(root.toString(), [], never),
      {
        instanceOf: ColdError,
        message,
      },
    );
    t.is((error as ColdError).failure, 'unreachable');
  }
  const stop = new AbortController();
  const finding = elsewhereAt(router.url).find(root.toString(), [], stop.signal);
  stop.abort();
  t.is(((await t.throwsAsync(finding)) as ColdError).failure, 'aborted');
});

test('the providers of deals are not named a second time, and of the others few', async (t) => {
  const announced = [{ peerId: PEERS[0] ?? '', peers: [], origins: ['https://sp.example.org'] }];
  const many = Array.from({ length: 5_000 }, (_, n) => ({ id: '', addresses: [`https://gw${n}.example.org`] }));
  const parties = partiesOf(
    [
      { id: PEERS[0] ?? '', addresses: ['/dns4/elsewhere.example.org/tcp/443/https'] },
      { id: PEERS[1] ?? '', addresses: ['/dns4/sp.example.org/tcp/443/tls/http', '/dns4/sp.example.org/tcp/443/wss'] },
      {
        id: PEERS[1] ?? '',
        addresses: ['/dns4/one.example.org/tcp/443/wss', '/ip4/192.0.2.1/tcp/4001', 'nonsense', 'ftp://one.example.org'],
      },
      {
        id: PEERS[2] ?? '',
        addresses: [
          'http://two.example.org:8080',
          'https://two.example.org/below',
          'https://u@two.example.org',
          '/dns/two.example.org/tcp/443/https',
        ],
      },
      { id: 'not a peer id\n', addresses: ['https://two.example.org', '/dns6/three.example.org/tcp/443/https'] },
      ...many,
    ],
    announced,
  );
  t.deepEqual(parties.slice(0, 2), [
    { name: PEERS[2] ?? '', origins: ['https://two.example.org', 'http://two.example.org:8080'] },
    { name: 'three.example.org', origins: ['https://three.example.org'] },
  ]);
  t.is(parties.length, 6);
});

test('who is named with an address of our own network is not asked, by whatever name', async (t) => {
  const { blocks, root } = await contentOf();
  const [router, gateway] = await Promise.all([createRouter(t), gatewayFor(t, blocks)]);
  const named = gateway.origin.replace('127.0.0.1', 'gateway.example.org');
  router.providers = [gatewayRecord(PEERS[0] ?? '', gateway.origin), gatewayRecord(PEERS[1] ?? '', named)];
  const parties = await elsewhereAt(router.url, { allowPrivate: false }).find(root.toString(), [], never);
  t.is(parties.length, 2);
  for (const { open } of parties) await t.throwsAsync(open(never), { instanceOf: ColdError, message: /it is not asked/ });
  t.deepEqual(gateway.paths, []);
  const [, allowed] = await elsewhereAt(router.url).find(root.toString(), [], never);
  await (await allowed?.open(never))?.close();
  t.true(gateway.paths.length > 0);
});
