import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { ask, devnetFor, type RpcAnswer, writeTestCar } from '../fixtures/create-devnet.ts';
import { singleBlockCar } from './car-file.ts';
import { bytesOf } from './cids.ts';
import { STATE } from './client-deal.ts';
import type { Devnet } from './devnet.ts';
import { Names, RECORDED_CALLS, type RecordedCall } from './recorded-calls.ts';
import { differences, formOf } from './same-shape.ts';

const FIL = 10n ** 18n;
const RECORDED_WALLET = 'f3vh3mtjpwei47ucsha2m67v3pb6wogxefiubu6eblh52rdwjwu2jllahr3uoppqsol5nr5phhqkmmnmrlijua';
const MONEY_WALLET = 'f1pwmgum4rf2oy37aouzy5i7jq2bjcuhotunkncaa';
const TINY_ROOT = 'bafkqablimvwgy3y';
const BIG_ROOT = 'bafykbzaceauezqqvu6hjjmfdbdog2gkiclki75rgax6554a7fk6343fafarqe';
const SMALL_ROOT = 'bafk2bzacedta4wts7y5ehnl3kptjlpvk2f6jw66zf7igwxgbudnkrajndzmpk';
const STORED_ELSEWHERE = 'bafk2bzaceda63eezghwt6l7kdbtgmk6hcszckitxjwrwrxtnyn272ihjuoh46';

/** Recorded calls that have no counterpart here, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  '36-ClientGetDealInfo-online-16-StorageDealStartDataTransfer': 'passes within one step',
  '80-ClientGetDealInfo-manual-29-StorageDealAwaitingPreCommit': 'nobody brings the file of a manual deal',
  '81-ClientGetDealInfo-manual-5-StorageDealSealing': 'nobody brings the file of a manual deal',
  '82-ClientGetDealInfo-manual-7-StorageDealActive': 'nobody brings the file of a manual deal',
  '94-ClientListImports-after-remove': 'shows an import over REST, which the devnet has not',
};

/** Differences that are known and harmless: the recorded value could not be had here. */
const TOLERATED = [
  // The wallet that was recorded is BLS (type 2, its own signature length).
  /WalletSign/,
];

class Replay {
  readonly names = new Names();
  readonly done = new Set<string>();
  readonly #t: ExecutionContext;
  readonly #devnet: Devnet;

  constructor(t: ExecutionContext, devnet: Devnet) {
    this.#t = t;
    this.#devnet = devnet;
    this.names.set(RECORDED_WALLET, devnet.wallet);
    this.names.set('TOKEN', devnet.tokens.admin);
  }

  async all(calls: readonly RecordedCall[], before: (call: RecordedCall) => Promise<void>): Promise<void> {
    for (const call of calls) {
      this.done.add(call.name);
      if (call.name in LEFT_OUT) continue;
      await before(call);
      await this.#one(call);
    }
  }

  async #one(call: RecordedCall): Promise<void> {
    const answer = await this.#ask(call);
    const { reply } = call;
    this.#t.is(answer.status, call.status, `${call.name}: ${answer.text}`);
    if (reply === undefined) {
      this.#t.is(answer.text, '', call.name);
      this.#t.is(answer.contentType, null, call.name);
      return;
    }
    this.#t.is(answer.contentType, 'text/plain; charset=utf-8', call.name);
    this.#t.true(answer.text.endsWith('}\n'), call.name);
    this.#t.is('result' in answer.body, 'result' in reply, `${call.name}: ${answer.text}`);
    this.#t.is(answer.body.error?.code, reply.error?.code, `${call.name}: ${answer.text}`);
    this.#t.is(formOf(answer.body.error?.message ?? ''), formOf(reply.error?.message ?? ''), call.name);
    const found = differences(answer.body.result, reply.result);
    if (!TOLERATED.some((pattern) => pattern.test(call.name))) this.#t.deepEqual(found, [], call.name);
    this.names.learn(reply.result, answer.body.result);
    this.#sameMessage(call, answer);
  }

  /** What a deal says went wrong, in the same words. */
  #sameMessage({ name, reply }: RecordedCall, { body }: RpcAnswer): void {
    const was = (reply?.result as { Message?: string } | null | undefined)?.Message;
    const is = (body.result as { Message?: string } | null | undefined)?.Message;
    if (typeof was === 'string') this.#t.is(formOf(is ?? ''), formOf(was), name);
  }

  #ask(call: RecordedCall): Promise<RpcAnswer> {
    const params = this.names.translate(call.params) as readonly unknown[];
    const token = call.token === 'none' ? null : call.token === 'bad' ? 'not.a.token' : this.#devnet.tokens.admin;
    return ask(this.#devnet, call.method, params, { token, url: this.#devnet.rpcUrl.replace('/rpc/v1', call.path) });
  }
}

/** Paths that were in a container's shared directory lie in the test's own. */
function paths(names: Names, dir: string): void {
  for (const file of ['sample.bin', 'sample.bin.car', 'sample.bin.out', 'sample.bin.out.car', 'sample.bin.v0out', 'tiny.bin', 'x.out']) {
    names.set(`/exchange/${file}`, join(dir, 'exchange', file));
  }
}

async function recordedDevnet(t: ExecutionContext): Promise<{ devnet: Devnet; replay: Replay }> {
  const peers = ['12D3KooWLPCNYNCNMNDuWtjFzSs38MZZackCxPUsE2MVQxXYYU8n', '12D3KooWBjyK785XrkedPLq5fcUBKzTgVMDZyvYbhWaLvBDUcxVF'];
  const providers = [...peers, '12D3KooWN9YSBvkPzyZzFfiJ2dSMx7xqfBJwu4iSDgBWU3X2DKR7'].map((peerId) => ({ peerId }));
  // Longer than a busy machine takes to ask for a deal that it has just begun.
  const devnet = await devnetFor(t, { providers, firstStepMs: 1_000, datacapBytes: 1n << 40n, walletAtto: 100_000_000n * FIL });
  await mkdir(join(devnet.dir, 'exchange'));
  await writeFile(join(devnet.dir, 'exchange', 'sample.bin'), bytesOf('sample', 1_000_000));
  await writeFile(join(devnet.dir, 'exchange', 'tiny.bin'), 'hello');
  await devnet.advance(38);
  const replay = new Replay(t, devnet);
  paths(replay.names, devnet.dir);
  for (const { peerId } of providers) replay.names.set(peerId, peerId);
  return { devnet, replay };
}

/** Lets the deal that is asked about come to the recorded state. */
async function untilState(devnet: Devnet, replay: Replay, call: RecordedCall): Promise<void> {
  const { result } = call.reply ?? {};
  const wanted = (result as { State?: number } | undefined)?.State;
  const [cid] = replay.names.translate(call.params) as [{ '/': string }];
  if (wanted === undefined || wanted === STATE.reserveClientFunds) return;
  const state = () => devnet.world.clientDeals.list().find(({ proposalCid }) => proposalCid === cid['/'])?.state;
  await devnet
    .advanceUntil(() => state() === wanted, 60)
    .catch(() => {
      throw new Error(`${call.name}: is in state ${state()}, not in ${wanted}`);
    });
}

test('the replies have the recorded shapes: node, imports, deals, retrievals and errors', async (t) => {
  const { devnet, replay } = await recordedDevnet(t);
  const calls = RECORDED_CALLS.filter(({ name }) => /^\d/.test(name));
  await replay.all(calls, async (call) => {
    if (call.method === 'ClientGetDealInfo') await untilState(devnet, replay, call);
    if (call.name.startsWith('68')) replay.names.set(243, devnet.world.chain.epoch + 6);
  });
  t.is(replay.done.size, calls.length);
});

test('the replies have the recorded shapes: no funds, priced and refused retrievals, too large, too small, no CAR', async (t) => {
  const { devnet, replay } = await recordedDevnet(t);
  const leaf = await writeTestCar(devnet.dir, 'small', [bytesOf('small', 400_000)]);
  const large = await writeTestCar(
    devnet.dir,
    'large',
    Array.from({ length: 10 }, (_, part) => bytesOf(`large ${part}`, 1 << 20)),
  );
  const tiny = join(devnet.dir, 'tiny.car');
  await writeFile(tiny, singleBlockCar(TINY_ROOT, Buffer.from('hello')));
  await writeFile(join(devnet.dir, 'exchange', 'sample.bin.out.car'), leaf.bytes);
  for (const path of [leaf.path, large.path, tiny]) await devnet.world.imports.add(path, true);
  replay.names.set(SMALL_ROOT, leaf.root);
  replay.names.set(BIG_ROOT, large.root);
  replay.names.set(STORED_ELSEWHERE, large.root);
  const priced = devnet.world.providers.get('f01002');

  const calls = RECORDED_CALLS.filter(({ name }) => name.startsWith('x') && !/^x493/.test(name));
  await replay.all(calls, async (call) => {
    if (/tiny|no-funds/.test(call.name) && call.method === 'ClientGetDealInfo') await untilState(devnet, replay, call);
    if (call.name.startsWith('x208')) {
      await devnet.advanceUntil(() => devnet.world.clientDeals.list().at(-1)?.state === 7);
      priced.retrievalPricePerByte = 2n;
    }
    if (call.name.startsWith('x497')) priced.retrievalPricePerByte = 0n;
  });
  const { body } = await ask(devnet, 'ClientDealPieceCID', [{ '/': TINY_ROOT }]);
  t.deepEqual(body.result, RECORDED_CALLS.find(({ name }) => name === 'x505-ClientDealPieceCID-tiny')?.reply?.result);
});

test('the replies have the recorded shapes: tip sets, deadlines, balances, messages found and not', async (t) => {
  const { devnet, replay } = await recordedDevnet(t);
  const wallet = devnet.world.wallet.create();
  devnet.fund(wallet, 1_000_000n * FIL);
  replay.names.set(MONEY_WALLET, wallet);
  await devnet.advance(1);
  const calls = RECORDED_CALLS.filter(({ name }) => name.startsWith('y'));
  await replay.all(calls, async (call) => {
    if (call.method === 'StateWaitMsg') setImmediate(() => void devnet.advance(1));
    if (/y24|y29/.test(call.name)) await devnet.advance(1);
  });
  t.true(calls.length > 25);
});
