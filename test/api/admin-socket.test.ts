import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

import { listenOnSocket } from '../../api/admin-socket.ts';
import type { FbpdError } from '../../daemon/domain/errors.ts';
import { socketAddress } from '../../daemon/domain/socket-path.ts';
import { createTestAdmin } from '../fixtures/create-admin.ts';
import { createTestDir } from '../fixtures/create-store.ts';

const handle = (): void => undefined;

test('the socket is for its owner alone', async (t) => {
  const { socket } = await createTestAdmin(t);
  t.is((await stat(socket)).mode & 0o777, 0o600);
});

test('nobody else gets in while it is being made, even with no umask at all', async (t) => {
  const path = join(await createTestDir(t), 's');
  const script = `
    import { statSync } from 'node:fs';
    import { Server } from 'node:net';
    import { listenOnSocket } from ${JSON.stringify(new URL('../../api/admin-socket.ts', import.meta.url).href)};
    process.umask(0);
    const { listen } = Server.prototype;
    Server.prototype.listen = function (...args) {
      listen.apply(this, args);
      console.log((statSync(process.argv[1]).mode & 0o777).toString(8));
      return this;
    };
    const server = await listenOnSocket({ path: process.argv[1], handle: () => undefined });
    console.log(process.umask());
    await server.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, path]);
  t.deepEqual(stdout.trim().split('\n'), ['700', '0']);
});

test('with a group it is for that too', async (t) => {
  if (process.getgid === undefined) {
    t.pass('no groups here');
    return;
  }
  const path = join(await createTestDir(t), 's');
  const server = await listenOnSocket({ path, group: String(process.getgid()), handle });
  t.is((await stat(path)).mode & 0o777, 0o660);
  t.is((await stat(path)).gid, process.getgid());
  await server.close();
});

test('a group that is not there is refused by name', async (t) => {
  const path = join(await createTestDir(t), 's');
  const error = await t.throwsAsync<FbpdError>(listenOnSocket({ path, group: 'no-such-group', handle }));
  t.is(error?.code, 'BAD_CONFIG');
  t.is(error?.subject, 'api.admin_socket_group');
  await t.throwsAsync(stat(path));
});

test('the directory is made, and the socket goes when it is closed', async (t) => {
  const path = join(await createTestDir(t), 'run', 'fbpd', 's');
  const server = await listenOnSocket({ path, handle });
  t.true((await stat(path)).isSocket());
  await server.close();
  await t.throwsAsync(stat(path), { code: 'ENOENT' });
});

test('a socket that a crash left behind is replaced', async (t) => {
  const dir = await createTestDir(t);
  const path = join(dir, 's');
  // Closing removes the name it was bound to; under its second name the socket stays, with nobody behind it.
  const gone = createServer().listen(join(dir, 'gone'));
  await once(gone, 'listening');
  await link(join(dir, 'gone'), path);
  gone.close();
  await once(gone, 'close');
  t.true((await stat(path)).isSocket());
  const server = await listenOnSocket({ path, handle });
  await server.close();
});

test('a socket on which somebody listens is left to them', async (t) => {
  const { socket, send } = await createTestAdmin(t);
  const error = await t.throwsAsync<FbpdError>(listenOnSocket({ path: socket, handle }));
  t.is(error?.code, 'BAD_ENVIRONMENT');
  t.regex(error?.message ?? '', /another daemon listens on/);
  t.is((await send('GET', '/admin/status')).status, 200);
});

test('a file in its place is not touched', async (t) => {
  const path = join(await createTestDir(t), 's');
  await writeFile(path, 'precious');
  const error = await t.throwsAsync<FbpdError>(listenOnSocket({ path, handle }));
  t.regex(error?.message ?? '', /is there already and is not a socket/);
  t.is(await readFile(path, 'utf8'), 'precious');
});

test('a directory that cannot be written to is one clear line', async (t) => {
  const dir = await createTestDir(t);
  await writeFile(join(dir, 'file'), '');
  const error = await t.throwsAsync<FbpdError>(listenOnSocket({ path: join(dir, 'file', 's'), handle }));
  t.is(error?.code, 'BAD_ENVIRONMENT');
  t.regex(error?.message ?? '', /cannot make the directory/);
});

test('a long path works from near it, and is refused by name from afar', async (t) => {
  const dir = join(await createTestDir(t), 'd'.repeat(100));
  await mkdir(dir);
  const path = join(dir, 'admin.sock');
  t.is(socketAddress(path, dir), 'admin.sock');
  t.is(socketAddress('/run/fbpd/admin.sock', dir), '/run/fbpd/admin.sock');
  const error = t.throws<FbpdError>(() => socketAddress(path, '/'));
  t.is(error?.code, 'BAD_CONFIG');
  t.is(error?.subject, 'api.admin_socket');
});
