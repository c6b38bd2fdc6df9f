import { multiaddr } from '@multiformats/multiaddr';
import test, { type ExecutionContext } from 'ava';

import { createLotusChain } from '../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../../daemon/cold/chain/lotus-rpc.ts';
import { createMinerIndex } from '../../daemon/cold/chain/miner-index.ts';
import { createMk12Maker } from '../../daemon/cold/makers/mk12.ts';
import { createPlaces } from '../../daemon/cold/places/places.ts';
import { createLotusSigner } from '../../daemon/cold/wallet/signer.ts';
import type { ScanFilter, ScanReport, ScanTally } from '../../daemon/domain/scan.ts';
import { createLog } from '../../daemon/log.ts';
import { ProviderScan } from '../../daemon/reconcilers/cold/scan.ts';
import type { Devnet, DevnetOptions } from '../devnet/devnet.ts';
import { RULES } from '../fixtures/create-cold.ts';
import { createMemoryColdStore } from '../fixtures/create-cold-store.ts';
import { devnetFor } from '../fixtures/create-devnet.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';

/** To the world a name is where its addresses are; this machine is where all providers really listen. */
const WORLD: Readonly<Record<string, string>> = { 'ch.example': '130.59.1.1', 'nl.example': '193.0.6.139', 'inside.example': '10.1.2.3' };
const resolving = (of: (host: string) => string | undefined) => ({
  async addresses(host: string) {
    const address = of(host);
    if (address === undefined) throw new Error('ENOTFOUND');
    return [{ address, family: 4 }];
  },
  texts: async () => [],
});

interface Scanned {
  devnet: Devnet;
  scan: ProviderScan;
  store: Awaited<ReturnType<typeof createMemoryColdStore>>['cold'];
  asked: string[];
  run(filter?: ScanFilter, onProgress?: (tally: ScanTally, scan: ProviderScan) => void, signal?: AbortSignal): Promise<ScanReport>;
  /** Announces its real port at that name. */
  announce(index: number, host: string): void;
  id(index: number): string;
  /** A new process over the same store. */
  restarted(): ProviderScan;
}

/** Scans of a development network, over its real sockets. */
async function setUp(t: ExecutionContext, providers: DevnetOptions['providers']): Promise<Scanned> {
  const devnet = await devnetFor(t, { ...(providers === undefined ? {} : { providers }) });
  const { cold: store } = await createMemoryColdStore(new StepClock());
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.sign });
  const chain = createLotusChain({ rpc, finalityEpochs: 5, clock: { nowMs: () => 0 } });
  const maker = createMk12Maker({
    rpc,
    chain,
    signer: createLotusSigner(rpc, undefined),
    transfers: {
      offer() {
        throw new Error('nothing is offered here');
      },
    },
    allowPrivate: true,
    resolver: resolving(() => '127.0.0.1'),
  });
  t.teardown(() => maker.close());
  const log = createLog('silent');
  const asked: string[] = [];
  const { askOver } = maker;
  const options = {
    store,
    chain,
    maker: {
      ...maker,
      askOver(id: string, signal: AbortSignal) {
        asked.push(id);
        if (askOver === undefined) throw new Error('it has several ways');
        return askOver(id, signal);
      },
    },
    miners: createMinerIndex(rpc),
    places: createPlaces({ resolver: resolving((host) => WORLD[host]), allowPrivate: false, log }),
    book: { known: async () => [] },
    countries: new Map<string, string>(),
    rules: RULES,
    log,
  };
  const scan = new ProviderScan(options);
  const id = (index: number): string => devnet.providers[index]?.id ?? '';
  return {
    devnet,
    scan,
    store,
    asked,
    id,
    restarted: () => new ProviderScan(options),
    run: (filter = {}, onProgress = () => undefined, signal = new AbortController().signal) =>
      scan.run(filter, (tally) => onProgress(tally, scan), signal),
    announce(index, host) {
      const [text = ''] = devnet.providers[index]?.multiaddrs ?? [];
      const named = multiaddr(text.replace('/ip4/127.0.0.1', `/dns4/${host}`)).bytes;
      devnet.faults.provider(id(index), { announced: [Buffer.from(named).toString('base64')] });
    },
  };
}

/** Over HTTP, over libp2p, without a reply, lying, powerless, in a private network by name and by address, and nowhere. */
async function mixed(t: ExecutionContext): Promise<Scanned> {
  const world = await setUp(t, [
    { mk12: 'curio' },
    { mk12: 'boost' },
    { mk12: 'curio', faults: { mk12Reply: { ask: 'drop' } } },
    { mk12: 'curio', faults: { askSizes: { min: 2 ** 20, max: 2 ** 10 } } },
    { mk12: 'curio', faults: { powerless: true } },
    { mk12: 'curio' },
    { mk12: 'curio' },
    { mk12: 'curio', faults: { announced: [] } },
  ]);
  world.announce(0, 'ch.example');
  world.announce(1, 'nl.example');
  for (const index of [2, 3, 4]) world.announce(index, 'ch.example');
  world.announce(5, 'inside.example');
  return world;
}

test('a scan finds who has power, announces an address of the world and tells an ask, and says what the others lack', async (t) => {
  const { run, id, asked, store } = await mixed(t);
  const { tally, complete, found } = await run();
  t.true(complete);
  t.deepEqual(tally, { miners: 8, looked: 8, powered: 7, nowhere: 1, hidden: 2, silent: 1, unusable: 1, answered: 2 });
  t.like(
    found.find((one) => one.id === id(0)),
    { country: 'CH', countryFrom: 'address', over: 'http', trusted: false },
  );
  t.like(
    found.find((one) => one.id === id(1)),
    { country: 'NL', over: 'libp2p' },
  );
  t.deepEqual(asked.sort(), [0, 1, 2, 3].map(id), 'nobody else was even asked');
  t.deepEqual((await store.candidates()).map(({ value }) => value.id).sort(), [id(0), id(1)]);
  t.deepEqual(await store.providers(), [], 'a candidate is nobody to deal with');
});

test('what was read lately is told again and not asked; when it is old everybody is', async (t) => {
  const { run, asked, devnet, id } = await mixed(t);
  await run();
  asked.length = 0;
  const again = await run({ country: 'NL' });
  t.deepEqual(asked, []);
  t.deepEqual(
    again.found.map((one) => one.id),
    [id(1)],
  );
  t.true(again.complete);
  await devnet.advance(RULES.recheckEpochs);
  devnet.faults.provider(id(0), { mk12Reply: { ask: 'drop' } });
  const anew = await run();
  t.is(asked.length, 4);
  t.deepEqual(
    anew.found.map((one) => one.id),
    [id(1)],
    'who answers no more is no candidate any more',
  );
});

test('only those are told that are wanted, by price, size and number', async (t) => {
  const { run, id } = await mixed(t);
  const ids = ({ found }: ScanReport): string[] => found.map((one) => one.id).sort();
  t.deepEqual(ids(await run({ maxPriceAtto: 500_000_000n })), [id(0)]);
  t.deepEqual(ids(await run({ maxPriceAtto: 1n })), []);
  t.deepEqual(ids(await run({ pieceBytes: 128 })), []);
  t.deepEqual(ids(await run({ pieceBytes: 256 })), [id(0), id(1)]);
  t.is(ids(await run({ limit: 1 })).length, 1);
});

test('a scan that has found enough, or is stopped, keeps what it found and is gone on with, also by another process', async (t) => {
  const world = await setUp(
    t,
    Array.from({ length: 60 }, () => ({ mk12: 'curio' as const })),
  );
  for (let index = 0; index < 60; index += 1) world.announce(index, 'ch.example');
  const first = await world.run({ limit: 3 });
  t.false(first.complete);
  t.is(first.found.length, 3);
  t.truthy((await world.store.scanMark())?.value.after);
  const gone = new AbortController();
  const second = await world.run({}, (tally) => void (tally.answered >= 5 && gone.abort()), gone.signal);
  t.false(second.complete);
  const kept = (await world.store.candidates()).length;
  t.true(kept >= 5 && kept < 60, `${kept}`);
  world.asked.length = 0;
  const last = await world.restarted().run({}, () => undefined, new AbortController().signal);
  t.true(last.complete);
  t.is(last.found.length, 60, 'nobody was left out');
  t.is(world.asked.length, 60 - kept, 'nobody was asked twice');
  t.is((await world.store.scanMark())?.value.after, undefined);
});

test('there is one scan at a time, and it ends with the daemon', async (t) => {
  const { scan, run } = await mixed(t);
  const begun = Promise.withResolvers<void>();
  const running = run({}, () => begun.resolve());
  const error = await t.throwsAsync(run());
  t.regex(error?.message ?? '', /another scan is under way/);
  await begun.promise;
  await scan.stop();
  t.false((await running).complete);
});

test('a node that stops answering ends the scan without anybody being passed over', async (t) => {
  const { run, devnet } = await mixed(t);
  devnet.faults.rpc('StateMinerPower', 'http-500', { after: 3 });
  const broken = await run();
  t.false(broken.complete);
  t.regex(broken.error ?? '', /StateMinerPower/);
  devnet.faults.rpc('StateMinerPower', 'delay');
  const { complete, tally } = await run();
  t.true(complete);
  t.is(tally.looked, 8);
  devnet.faults.rpc('StateListMiners', 'http-500');
  await devnet.advance(RULES.recheckEpochs);
  const error = await t.throwsAsync(run());
  t.regex(error?.message ?? '', /^the providers of the chain cannot be listed/);
});

test('a node that does not offer what a scan needs passes nobody over for that', async (t) => {
  const { run, store, devnet } = await mixed(t);
  devnet.faults.rpc('StateMinerPower', 'no-such-method');
  const { error, tally, complete } = await run();
  t.false(complete);
  t.is(tally.looked, 0);
  t.regex(error ?? '', /does not offer StateMinerPower/);
  t.is((await store.scanMark())?.value.after, 999, 'it begins with the first one again');
});

test('one hiccup of the node ends nothing', async (t) => {
  const { run, devnet } = await mixed(t);
  devnet.faults.rpc('StateMinerPower', 'reset', { times: 1 });
  t.true((await run()).complete);
});
