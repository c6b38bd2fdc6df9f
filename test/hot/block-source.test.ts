import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { dirname } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { HotError, type HotFailure } from '../../daemon/domain/ports.ts';
import { blockFile } from '../../daemon/hot/block-sizes.ts';
import { createBlockSource, flatfsBlocks } from '../../daemon/hot/block-source.ts';
import { createKuboRpc, type KuboRpc } from '../../daemon/hot/kubo-rpc.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';
import { cidOf, RAW } from './blocks.ts';

const never = new AbortController().signal;
const bytes = Buffer.from('a block');

async function createRpc(t: ExecutionContext, answer: RequestListener): Promise<KuboRpc> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`);
  const rpc = createKuboRpc({ target: () => ({ url }) });
  t.teardown(() => {
    rpc.close();
    server.closeAllConnections();
    server.close();
  });
  return rpc;
}

async function fails(t: ExecutionContext, failure: HotFailure, work: Promise<unknown>): Promise<void> {
  const error = await t.throwsAsync(work, { instanceOf: HotError });
  t.is((error as HotError).failure, failure, error?.message);
}

test('a block is asked for without reaching for the network', async (t) => {
  const asked: (string | undefined)[] = [];
  const rpc = await createRpc(t, (request, response) => {
    asked.push(request.url);
    response.end(bytes);
  });
  const cid = (await cidOf(bytes, RAW)).toString();
  t.deepEqual(Buffer.from(await createBlockSource(rpc).block(cid, never)), bytes);
  t.deepEqual(asked, [`/api/v0/block/get?arg=${cid}&offline=true`]);
});

test('bytes that are not the block, cut short or changed, are not handed out', async (t) => {
  const cid = (await cidOf(bytes, RAW)).toString();
  for (const wrong of [bytes.subarray(0, 3), Buffer.from('a blocK'), Buffer.alloc(0)]) {
    const rpc = await createRpc(t, (_request, response) => response.end(wrong));
    await fails(t, 'invalid', createBlockSource(rpc).block(cid, never));
  }
});

test('a reply of any length is read no further than a block can be long', async (t) => {
  let sent = 0;
  const rpc = await createRpc(t, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024))) sent += 1;
    };
    response.on('drain', more);
    more();
  });
  await fails(t, 'too_many_bytes', createBlockSource(rpc).block((await cidOf(bytes, RAW)).toString(), never));
  t.true(sent < 100, `${sent} MiB`);
});

test('what kubo says tells a block that is not there from a kubo that is not there', async (t) => {
  const cid = (await cidOf(bytes, RAW)).toString();
  const missing = await createRpc(t, (_request, response) => {
    response.statusCode = 500;
    response.end(JSON.stringify({ Message: `block was not found locally (offline): ipld: could not find ${cid}`, Code: 0, Type: 'error' }));
  });
  await fails(t, 'stalled', createBlockSource(missing).block(cid, never));
  await fails(t, 'down', createBlockSource(createKuboRpc({ target: () => undefined })).block(cid, never));
});

test('an abort ends the wait for a block', async (t) => {
  const rpc = await createRpc(t, () => undefined);
  const abort = new AbortController();
  const reading = fails(t, 'aborted', createBlockSource(rpc).block((await cidOf(bytes, RAW)).toString(), abort.signal));
  setImmediate(() => abort.abort());
  await reading;
});

test('in a repo of our own the file is read, unless it is not what its name says', async (t) => {
  const dir = await createTempDir(t);
  let asked = 0;
  const rpc = await createRpc(t, (_request, response) => {
    asked += 1;
    response.end(bytes);
  });
  const { enable, blockFile: near } = flatfsBlocks(dir);
  const source = createBlockSource(rpc, near);
  const cid = await cidOf(bytes, RAW);
  const path = blockFile(dir, cid);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  const read = async (): Promise<number> => {
    t.deepEqual(Buffer.from(await source.block(cid.toString(), never)), bytes);
    return asked;
  };
  t.is(await read(), 1, 'not before it is known how the repo keeps blocks');
  enable(true);
  t.is(await read(), 1);
  await writeFile(path, '');
  t.is(await read(), 2, 'a power cut left it empty');
});
