import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { createKuboRpc, type KuboRpc, RpcError, type RpcFailure } from '../../daemon/hot/kubo-rpc.ts';

/** An RPC to a server that answers as told. */
async function createRpc(t: ExecutionContext, answer: RequestListener, authorization?: string): Promise<KuboRpc> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const rpc = createKuboRpc({ target: () => ({ url: new URL(`http://127.0.0.1:${port}/behind/`) }), authorization });
  t.teardown(() => {
    rpc.close();
    server.closeAllConnections();
    server.close();
  });
  return rpc;
}

async function fails(t: ExecutionContext, failure: RpcFailure, work: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(work, { instanceOf: RpcError });
  t.is(error?.failure, failure, error?.message);
  return error?.message ?? '';
}

const CALL = { deadlineMs: 30_000 };

test('posts a command with its parameters and authorization, below the path of the address', async (t) => {
  const rpc = await createRpc(
    t,
    (request, response) => response.end(JSON.stringify([request.method, request.url, request.headers.authorization])),
    'Bearer x',
  );
  t.deepEqual(await rpc.call('pin/ls', { arg: 'a b', stream: true }, CALL), [
    'POST',
    '/behind/api/v0/pin/ls?arg=a+b&stream=true',
    'Bearer x',
  ]);
});

test("an error of kubo's is its message", async (t) => {
  const rpc = await createRpc(t, (_request, response) => {
    response.statusCode = 500;
    response.end('{"Message":"not pinned","Code":0,"Type":"error"}');
  });
  t.is(await fails(t, 'refused', rpc.call('pin/rm', {}, CALL)), 'not pinned');
  t.is(await fails(t, 'refused', Array.fromAsync(rpc.stream('pin/rm', {}, {}))), 'not pinned');
});

test('an error of a proxy is quoted, a refused authorization known', async (t) => {
  let status = 502;
  const rpc = await createRpc(t, (_request, response) => {
    response.statusCode = status;
    response.end('<html>Bad Gateway');
  });
  t.is(await fails(t, 'refused', rpc.call('id', {}, CALL)), 'HTTP 502 <html>Bad Gateway');
  status = 403;
  await fails(t, 'denied', rpc.call('id', {}, CALL));
});

test('an error that comes after a 200 is an error', async (t) => {
  const rpc = await createRpc(t, (_request, response) => {
    response.setHeader('Trailer', 'X-Stream-Error');
    response.write('{"Progress":1}\n');
    response.addTrailers({ 'X-Stream-Error': 'merkledag: not found' });
    response.end();
  });
  const seen: unknown[] = [];
  const read = async () => {
    for await (const value of rpc.stream('pin/add', {}, {})) seen.push(value);
  };
  t.is(await fails(t, 'refused', read()), 'merkledag: not found');
  t.deepEqual(seen, [{ Progress: 1 }]);
  t.is(await fails(t, 'refused', rpc.call('pin/add', {}, CALL)), 'merkledag: not found');
});

test('a reply that breaks off is no reply', async (t) => {
  const rpc = await createRpc(t, (_request, response) => {
    response.write('{"Ref":"a"}\n{"Ref":');
    setTimeout(() => response.destroy(), 20);
  });
  await fails(t, 'unreachable', Array.fromAsync(rpc.stream('refs', {}, {})));
  await fails(t, 'unreachable', rpc.call('refs', {}, CALL));
});

test('what is not JSON, or far too much of it, is garbage', async (t) => {
  const rpc = await createRpc(t, (request, response) => {
    response.end(request.url?.includes('long') ? 'x'.repeat(5_000) : 'hello');
  });
  t.regex(await fails(t, 'garbage', rpc.call('id', {}, CALL)), /is not JSON: hello/);
  t.regex(await fails(t, 'garbage', rpc.call('long', {}, { ...CALL, replyBytesMax: 4_000 })), /longer than 4000 bytes/);
  await fails(t, 'garbage', Array.fromAsync(rpc.stream('id', {}, {})));
});

test('values of a stream may be cut anywhere, in a character too', async (t) => {
  const text = Buffer.from('{"a":"ä"}\n\n{"b":"🦆"}\n{"c":3}');
  const rpc = await createRpc(t, async (_request, response) => {
    for (const byte of text) {
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  t.deepEqual(await Array.fromAsync(rpc.stream('x', {}, {})), [{ a: 'ä' }, { b: '🦆' }, { c: 3 }]);
});

test('a call has a deadline, its reply included', async (t) => {
  const rpc = await createRpc(t, (request, response) => {
    if (request.url?.includes('half')) response.write('{');
  });
  t.regex(await fails(t, 'timeout', rpc.call('id', {}, { deadlineMs: 50 })), /did not answer id within 0\.05 s/);
  await fails(t, 'timeout', rpc.call('half', {}, { deadlineMs: 50 }));
});

test('a stream may be silent only so long, and the time its reader takes does not count', async (t) => {
  const rpc = await createRpc(t, (request, response) => {
    response.write('{"n":1}\n');
    if (request.url?.includes('whole')) response.end('{"n":2}\n');
  });
  await fails(t, 'timeout', Array.fromAsync(rpc.stream('half', {}, { idleMs: 50 })));
  let values = 0;
  for await (const _value of rpc.stream('whole', {}, { idleMs: 1_000 })) {
    values += 1;
    if (values === 1) await sleep(1_300);
  }
  t.is(values, 2);
});

test('our own signal ends calls and streams, and is told from kubo', async (t) => {
  const rpc = await createRpc(t, (_request, response) => void response.write('{"n":1}\n'));
  await fails(t, 'aborted', rpc.call('id', {}, { ...CALL, signal: AbortSignal.abort() }));
  await fails(t, 'aborted', rpc.call('id', {}, { ...CALL, signal: AbortSignal.timeout(30) }));
  await fails(t, 'aborted', Array.fromAsync(rpc.stream('id', {}, { signal: AbortSignal.timeout(30) })));
});

test('leaving a stream closes its connection, which is how kubo hears of it', async (t) => {
  const closed = Promise.withResolvers<void>();
  const rpc = await createRpc(t, (_request, response) => {
    response.once('close', closed.resolve);
    response.write('{"n":1}\n');
  });
  for await (const _value of rpc.stream('refs', {}, {})) break;
  await closed.promise;
  t.pass();
});

test('a stream is read no faster than it is taken', async (t) => {
  let written = 0;
  const line = `{"x":"${'y'.repeat(1_000)}"}\n`;
  function* endless() {
    for (; written < 100_000_000; written += line.length) yield line;
  }
  const rpc = await createRpc(t, (_request, response) => void pipeline(endless(), response).catch(() => undefined));
  for await (const _value of rpc.stream('refs', {}, {})) {
    await sleep(300);
    break;
  }
  t.true(written < 20_000_000, `${written} bytes were taken from kubo`);
});

test('a connection that was closed while it was idle is replaced unseen', async (t) => {
  let requests = 0;
  const rpc = await createRpc(t, (request, response) => {
    requests += 1;
    // The second request on a connection meets a server that has just closed it.
    if (requests === 2) request.socket.destroy();
    else response.end('{}');
  });
  await rpc.call('id', {}, CALL);
  t.deepEqual(await rpc.call('id', {}, CALL), {});
  t.is(requests, 3);
});

test('nobody there, or a tier that was stopped, is unreachable', async (t) => {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const address = free.address();
  const port = typeof address === 'object' ? address?.port : 0;
  free.close();
  const rpc = createKuboRpc({ target: () => ({ url: new URL(`http://127.0.0.1:${port}`) }) });
  await fails(t, 'unreachable', rpc.call('id', {}, CALL));
  t.is(await fails(t, 'unreachable', createKuboRpc({ target: () => undefined }).call('id', {}, CALL)), 'kubo is not running');
  rpc.close();
  t.is(await fails(t, 'unreachable', Array.fromAsync(rpc.stream('id', {}, {}))), 'kubo is not running');
});
