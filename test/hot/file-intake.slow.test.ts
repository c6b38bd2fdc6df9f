import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { HotError } from '../../daemon/domain/ports.ts';
import type { BlockHotTier } from '../../daemon/hot/kubo-tier.ts';
import { createManagedKubo } from '../../daemon/hot/managed.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { managedOptions } from './create-managed.ts';

const never = new AbortController().signal;
const TYPE = 'multipart/form-data; boundary=fence';
const MIB = 1024 * 1024;

async function createTier(t: ExecutionContext): Promise<{ tier: BlockHotTier; dir: string }> {
  const dir = await createTempDir(t);
  const tier = createManagedKubo(managedOptions(dir));
  await tier.start();
  t.teardown(() => tier.stop());
  return { tier, dir };
}

function head(path: string, type: string): Buffer {
  return Buffer.from(
    `--fence\r\nContent-Disposition: form-data; name="file"; filename="${encodeURIComponent(path)}"\r\nContent-Type: ${type}\r\n\r\n`,
  );
}

const END = Buffer.from('\r\n--fence--\r\n');

test('a large file goes in while kubo already answers, and nothing is pinned', async (t) => {
  const { tier, dir } = await createTier(t);
  async function* form() {
    yield head('big', 'application/octet-stream');
    for (let i = 0; i < 64; i++) {
      // Slower than kubo's first line of progress.
      if (i === 8) await sleep(1_500);
      yield randomBytes(MIB);
    }
    yield END;
  }
  const { root, dagBytes } = await tier.files.add(form(), TYPE, never);
  t.true(dagBytes > 64 * MIB && dagBytes < 65 * MIB, `${dagBytes}`);
  const kubo = managedKubo(dir);
  t.is(await kubo.wholeDag(root.toString()), 1 + 64);
  t.deepEqual([...(await kubo.pins())], []);
});

test('of a directory the outermost is the root', async (t) => {
  const { tier, dir } = await createTier(t);
  async function* form() {
    yield head('top', 'application/x-directory');
    yield Buffer.concat([Buffer.from('\r\n'), head('top/empty', 'application/x-directory')]);
    yield Buffer.concat([Buffer.from('\r\n'), head('top/a b', 'application/octet-stream'), Buffer.from('hello')]);
    yield Buffer.concat([Buffer.from('\r\n'), head('top/link', 'application/symlink'), Buffer.from('a b')]);
    yield END;
  }
  const { root } = await tier.files.add(form(), TYPE, never);
  const listed = (await managedKubo(dir).rpc.call('ls', { arg: root.toString() }, { deadlineMs: 10_000 })) as {
    Objects: { Links: { Name: string; Type: number }[] }[];
  };
  t.deepEqual(
    listed.Objects[0]?.Links.map(({ Name, Type }) => [Name, Type]),
    [
      ['a b', 2],
      ['empty', 1],
      ['link', 4],
    ],
  );
});

test('a form that breaks off, lies about its boundary or holds nothing gives no root', async (t) => {
  const { tier } = await createTier(t);
  async function* broken() {
    yield head('f', 'application/octet-stream');
    yield randomBytes(3 * MIB);
    throw new Error('the client went away');
  }
  await t.throwsAsync(tier.files.add(broken(), TYPE, never), { message: 'the client went away' });
  async function* cut() {
    yield head('f', 'application/octet-stream');
    yield randomBytes(1_000);
  }
  await t.throwsAsync(tier.files.add(cut(), TYPE, never), { instanceOf: HotError });
  async function* nothing() {
    yield Buffer.from('--fence--\r\n');
  }
  await t.throwsAsync(tier.files.add(nothing(), TYPE, never), { instanceOf: HotError });
  await t.throwsAsync(tier.files.add(cut(), 'text/plain', never), { instanceOf: HotError });
});

test('a signal ends it', async (t) => {
  const { tier } = await createTier(t);
  const stop = new AbortController();
  async function* endless() {
    yield head('f', 'application/octet-stream');
    for (let i = 0; ; i++) {
      if (i === 20) stop.abort();
      yield randomBytes(1_000);
    }
  }
  const error = await t.throwsAsync(tier.files.add(endless(), TYPE, stop.signal), { instanceOf: HotError });
  t.is(error?.failure, 'aborted');
});
