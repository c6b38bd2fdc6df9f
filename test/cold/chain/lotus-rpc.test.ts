import { mainnet } from '@filecoin-shipyard/lotus-client-schema';
import test, { type ExecutionContext } from 'ava';

import { LotusRefusal } from '../../../daemon/cold/chain/lotus-error.ts';
import { parseLotusJson, writeLotusJson } from '../../../daemon/cold/chain/lotus-json.ts';
import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { ColdError, type ColdFailure } from '../../../daemon/domain/cold-ports.ts';
import { RECORDED, recorded } from '../../fixtures/lotus/recorded.ts';
import { createRecordedLotus, createStubLotus, reply, replyResult, type StubCall } from '../../fixtures/stub-lotus.ts';

const signal = AbortSignal.timeout(60_000);
const { methods } = mainnet.fullNode;

async function failureOf(t: ExecutionContext, call: Promise<unknown>): Promise<ColdError> {
  return (await t.throwsAsync(call, { instanceOf: ColdError })) as ColdError;
}

async function failsWith(t: ExecutionContext, answer: (call: StubCall) => void, failure: ColdFailure, words: RegExp): Promise<void> {
  const { url } = await createStubLotus(t, answer);
  const rpc = createLotusRpc({ url, deadlineMs: 2_000, maxReplyBytes: 10_000, token: () => 'very-secret' });
  const error = await failureOf(t, rpc.call('ChainHead', [], { signal }));
  t.is(error.failure, failure);
  t.regex(error.message, words);
  t.false(`${error.message}${error.stack}${String(error.cause)}`.includes('very-secret'));
}

test('every recorded call comes back as it was recorded', async (t) => {
  const { url } = await createRecordedLotus(t);
  const rpc = createLotusRpc({ url });
  t.true(RECORDED.length > 100);
  // Of calls that were recorded more than once with the same parameters, only the first can be asked for.
  const first = RECORDED.filter((one, at) => RECORDED.findIndex((other) => sameCall(one, other)) === at);
  for (const one of first.filter(({ method, status }) => Object.hasOwn(methods, method.slice(9)) && status !== 401)) {
    const call = rpc.call(one.method.slice(9), one.params, { signal });
    if (one.reply?.error === undefined) {
      t.is(writeLotusJson(await call), writeLotusJson(one.reply?.result), one.name);
      continue;
    }
    const error = await t.throwsAsync(call, { instanceOf: LotusRefusal });
    t.is(error?.code, one.reply.error.code, one.name);
    t.is(error?.said, one.reply.error.message, one.name);
    t.is(error?.notUnderstood, one.status === 500, one.name);
  }
});

function sameCall(one: { method: string; params: unknown }, other: { method: string; params: unknown }): boolean {
  return one.method === other.method && writeLotusJson(one.params) === writeLotusJson(other.params);
}

test('ids beyond 2^53 survive, and integers below it stay numbers', async (t) => {
  const text = '{"ImportID":1795345580497077080,"n":-9223372036854775808,"small":9007199254740991,"f":1.5e300,"s":"1795345580497077080"}';
  t.is(writeLotusJson(parseLotusJson(text)), text.replace('1.5e300', '1.5e+300'));
  const { url } = await createRecordedLotus(t);
  const rpc = createLotusRpc({ url });
  const order = recorded('50-ClientRetrieve').params;
  t.deepEqual(await rpc.call('ClientRetrieve', order, { signal }), { DealID: 1795345580497528021n });
  t.is(await rpc.call('ClientRetrieveWait', [1795345580497528021n], { signal }), undefined);
});

test('a method that the schema lacks is called all the same; one that nobody knows is a mistake of ours', async (t) => {
  const { url, calls } = await createStubLotus(t, (call) => replyResult(call, 7));
  const rpc = createLotusRpc({ url });
  t.is(await rpc.call('ChainGetFinalizedTipSet', [], { signal }), 7);
  await t.throwsAsync(rpc.call('ChainGetSomething', [], { signal }), { instanceOf: TypeError });
  t.is(calls.length, 1);
});

test('what a token is good for is asked with the token, which is read anew for each call', async (t) => {
  const tokens = ['one', 'two', undefined];
  const { url, calls } = await createStubLotus(t, (call) => replyResult(call, ['read']));
  const rpc = createLotusRpc({ url, token: () => tokens.shift() });
  await rpc.permissions(signal);
  t.is(calls[0]?.params[0], 'one');
  t.is(calls[0]?.request.headers.authorization, 'Bearer two');
  t.deepEqual(await rpc.permissions(signal), []);
  t.is(calls.length, 1);
});

test('a bad token', (t) => failsWith(t, (call) => reply(call, recorded('89-err-bad-token')), 'unauthorized', /401/));
test('a token too weak', (t) => failsWith(t, (call) => reply(call, recorded('88-err-no-token-write')), 'unauthorized', /need 'write'/));
test('an error of Lotus', (t) =>
  failsWith(t, (call) => reply(call, recorded('72-ClientStartDeal-no-such-miner')), 'refused', /actor not found/));
test('a gateway that is down', (t) => failsWith(t, ({ response }) => response.writeHead(502).end('<html>'), 'unreachable', /HTTP 502/));
test('a 500 that is not from Lotus', (t) => failsWith(t, ({ response }) => response.writeHead(500).end('oops'), 'unreachable', /not JSON/));
test('a 404', (t) => failsWith(t, ({ response }) => response.writeHead(404).end('{}'), 'unreachable', /HTTP 404/));
test('a redirect, which would take the token along', (t) =>
  failsWith(t, ({ response }) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), 'unreachable', /HTTP 307/));
test('the answer to another request', (t) =>
  failsWith(t, (call) => replyResult({ ...call, id: call.id + 1 }, {}), 'unreachable', /another request/));
test('an answer to nobody', (t) =>
  failsWith(t, ({ response }) => response.end('{"jsonrpc":"2.0","result":{}}'), 'unreachable', /another request/));
test('garbage', (t) => failsWith(t, ({ response }) => response.end('\u0000\u0001garbage'), 'unreachable', /not JSON/));
test('a list', (t) => failsWith(t, ({ response }) => response.end('[]'), 'unreachable', /not one of JSON-RPC/));
test('bytes that are no text', (t) =>
  failsWith(
    t,
    ({ id, response }) => response.end(Buffer.concat([Buffer.from(`{"id":${id},"result":"`), Buffer.of(0xff, 0x22, 0x7d)])),
    'unreachable',
    /./,
  ));
test('nesting without end', (t) => failsWith(t, ({ response }) => response.end('['.repeat(9_000)), 'unreachable', /not JSON/));
test('a strange error', (t) => failsWith(t, ({ id, response }) => response.end(`{"id":${id},"error":7}`), 'unreachable', /strange shape/));
test('JSON that was cut', (t) =>
  failsWith(t, ({ id, response }) => response.end(`{"jsonrpc":"2.0","id":${id},"result":{"Ci`), 'unreachable', /cut short/));
test('a connection that breaks amid the reply', (t) =>
  failsWith(
    t,
    ({ response }) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"jsonrpc"');
      setImmediate(() => response.destroy());
    },
    'unreachable',
    /no answer/,
  ));
test('a connection that is closed at once', (t) => failsWith(t, ({ request }) => request.socket.destroy(), 'unreachable', /no answer/));
test('no answer at all', (t) => failsWith(t, () => undefined, 'unreachable', /did not answer ChainHead within 2 s/));
test('an answer that stops in its middle', (t) =>
  failsWith(t, ({ response }) => void response.writeHead(200).write('{"jsonrpc"'), 'unreachable', /did not answer ChainHead within 2 s/));
test('a reply said to be too long', (t) =>
  failsWith(
    t,
    ({ response }) => void response.writeHead(200, { 'content-length': '1000000000' }).flushHeaders(),
    'unreachable',
    /longer than 10000/,
  ));
test('a reply without end', (t) =>
  failsWith(
    t,
    ({ response }) => {
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(5_000)));
      };
      response.on('drain', more);
      more();
    },
    'unreachable',
    /longer than 10000/,
  ));

test('nobody there', async (t) => {
  const rpc = createLotusRpc({ url: 'http://127.0.0.1:9/rpc/v1' });
  t.is((await failureOf(t, rpc.call('ChainHead', [], { signal }))).failure, 'unreachable');
});

test('a token that is none never shows in the error', async (t) => {
  const rpc = createLotusRpc({ url: 'http://127.0.0.1:9/rpc/v1', token: () => 'very\nsecret' });
  const error = await failureOf(t, rpc.call('ChainHead', [], { signal }));
  t.is(error.failure, 'unauthorized');
  t.notRegex(`${error.stack}`, /secret\b(?!.*characters)/);
  t.throws(() => createLotusRpc({ url: 'http://me:very-secret@127.0.0.1:9/rpc/v1' }), { message: /^(?!.*very-secret)/s });
});

test('a call is stopped by its signal, before and while it waits', async (t) => {
  const { url, calls } = await createStubLotus(t, () => stop.abort());
  const stop = new AbortController();
  const rpc = createLotusRpc({ url });
  t.is((await failureOf(t, rpc.call('ChainHead', [], { signal: AbortSignal.abort() }))).failure, 'aborted');
  t.is(calls.length, 0);
  t.is((await failureOf(t, rpc.call('ChainHead', [], { signal: stop.signal }))).failure, 'aborted');
});

test('connections are used again', async (t) => {
  const lotus = await createStubLotus(t, (call) => replyResult(call, 1));
  const rpc = createLotusRpc({ url: lotus.url });
  for (let one = 0; one < 20; one++) await rpc.call('ChainHead', [], { signal });
  // The second one is there for a call that comes while the first connection is still being given back.
  t.true(lotus.connections() <= 2);
});
