import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createIpfsCli, type IpfsCli } from '../fixtures/create-ipfs-cli.ts';
import { createKubo, createTempDir, kuboBinary, type TestKubo } from '../fixtures/create-kubo.ts';
import { readTree, type Tree, writeTree } from '../fixtures/create-tree.ts';
import { poll } from '../fixtures/poll.ts';

/** kubo's own tests of `ipfs pin remote` (its `test/cli/pinning_remote_test.go`) are among these, against a real service. */

const PATIENCE_MS = 60_000;
/** In the repo of every kubo, so it need not travel. */
const EMPTY_DIRECTORY = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn';
const EVERY_STATUS = '--status=queued,pinning,pinned,failed';

interface World {
  daemon: TestDaemon;
  client: TestKubo;
  ipfs: IpfsCli;
  token: string;
}

/** A daemon and a client's kubo. Neither knows anybody; the client has added the service as `fbpd`. */
async function createWorld(t: ExecutionContext, config: Parameters<typeof createDaemon>[1] = {}): Promise<World> {
  t.timeout(180_000);
  const [daemon, client] = await Promise.all([createDaemon(t, config), createKubo(t, { environment: { MFS_PIN_POLL_INTERVAL: '100ms' } })]);
  const ipfs = createIpfsCli(client);
  const token = await daemon.createToken('ada');
  await ipfs.ok('pin', 'remote', 'service', 'add', 'fbpd', daemon.apiUrl(), token);
  return { daemon, client, ipfs, token };
}

/** The `ipfs` command on the daemon's own kubo. */
function managedCli(daemon: TestDaemon): IpfsCli {
  return createIpfsCli({ binary: kuboBinary(), repo: join(daemon.stateDir, 'kubo', 'repo') });
}

/** A directory as people have them: nested, with files of many sizes, one of them in several blocks, one of them empty. */
function sampleTree(): Tree {
  const small = Array.from({ length: 30 }, (_, i): [string, Buffer] => [`photos/2024/IMG_${i}.jpg`, randomBytes(1_000 + 137 * i)]);
  return new Map([
    ['README.md', Buffer.from('# Readme\n')],
    ['empty', Buffer.alloc(0)],
    ['photos/2025/', Buffer.alloc(0)],
    ['photos/große Datei 🎈.bin', randomBytes(1_500_000)],
    ...small,
    ['a/b/c/d/e/deep.txt', Buffer.from('deep')],
  ]);
}

async function addDirectory(t: ExecutionContext, ipfs: IpfsCli): Promise<{ cid: string; tree: Tree }> {
  const dir = join(await createTempDir(t), 'sample');
  await writeTree(dir, sampleTree());
  return { cid: await ipfs.ok('add', '-r', '--quieter', dir), tree: await readTree(dir) };
}

/** One block each, of its own content. */
async function addFiles(t: ExecutionContext, ipfs: IpfsCli, count: number): Promise<string[]> {
  const dir = await createTempDir(t);
  await writeTree(dir, new Map(Array.from({ length: count }, (_, i) => [`file-${i}`, randomBytes(500)])));
  const files = Array.from({ length: count }, (_, i) => join(dir, `file-${i}`));
  return (await ipfs.ok('add', '--quiet', '--cid-version=1', ...files)).split('\n');
}

async function remoteAdd(ipfs: IpfsCli, cid: string, ...options: string[]): Promise<Record<string, unknown>> {
  const [pin] = await ipfs.json('pin', 'remote', 'add', '--service=fbpd', ...options, cid);
  return pin ?? {};
}

function remoteLs(ipfs: IpfsCli, ...options: string[]): Promise<Record<string, unknown>[]> {
  return ipfs.json('pin', 'remote', 'ls', '--service=fbpd', ...options);
}

/** Pins of the daemon's own kubo, but for those that it was born with. */
async function pinnedByUs(daemon: TestDaemon): Promise<string[]> {
  const [pins] = await managedCli(daemon).json('pin', 'ls', '--type=recursive', '--names');
  const named = Object.entries((pins?.Keys ?? {}) as Record<string, { Name?: string }>);
  return named.filter(([, { Name }]) => Name === 'fbpd').map(([cid]) => cid);
}

test.serial('a directory travels from the client to our kubo, and is served when the client is gone', async (t) => {
  const { daemon, client, ipfs } = await createWorld(t);
  const ours = managedCli(daemon);
  t.is(await ours.ok('swarm', 'peers'), '', 'our kubo knows nobody');
  const { cid, tree } = await addDirectory(t, ipfs);

  const pin = await remoteAdd(ipfs, cid, '--name=sample');
  t.deepEqual(pin, { Status: 'pinned', Cid: cid, Name: 'sample' }, 'in the foreground it returns when everything is here');
  const below = new Set((await ipfs.ok('refs', '--recursive', '--unique', cid)).split('\n'));
  below.delete(EMPTY_DIRECTORY);
  const [bitswap] = await ours.json('bitswap', 'stat');
  const received = Number(bitswap?.BlocksReceived) - Number(bitswap?.DupBlksReceived);
  t.is(received, below.size + 1, 'every block came by bitswap');

  await client.stop();
  const dir = join(await createTempDir(t), 'fetched');
  await ours.ok('get', `--output=${dir}`, `/ipfs/${cid}`);
  t.deepEqual(await readTree(dir), tree);
  t.deepEqual(await pinnedByUs(daemon), [await ours.ok('cid', 'format', '-v', '1', '-b', 'base32', cid)]);
});

test.serial('where origins may not be dialled, the client that dials the delegates is asked for its blocks', async (t) => {
  const { daemon, client, ipfs } = await createWorld(t, { config: { limits: { private_origins: false } } });
  const { cid, tree } = await addDirectory(t, ipfs);
  t.like(await remoteAdd(ipfs, cid), { Status: 'pinned', Cid: cid });
  await client.stop();
  t.is((await managedCli(daemon).ok('cat', `/ipfs/${cid}/a/b/c/d/e/deep.txt`)).toString(), String(tree.get('a/b/c/d/e/deep.txt')));
});

test.serial('pins in the background are listed by status, name and CID as they go their ways', async (t) => {
  const { daemon, ipfs } = await createWorld(t);
  const [good = '', blocked = '', missing = ''] = await addFiles(t, ipfs, 3);
  await ipfs.ok('pin', 'rm', missing);
  await ipfs.ok('repo', 'gc');
  const begun = await remoteAdd(ipfs, good, '--background', '--name=good');
  t.true(['queued', 'pinning', 'pinned'].includes(String(begun.Status)), JSON.stringify(begun));
  await remoteAdd(ipfs, missing, '--background', '--name=missing');
  await remoteAdd(ipfs, blocked, '--background', '--name=blocked');
  await daemon.cli('block', blocked);

  const byStatus = async (...statuses: string[]) =>
    (await remoteLs(ipfs, `--status=${statuses.join(',')}`)).map(({ Name, Status, Cid }) => ({ Name, Status, Cid }));
  const isSettled = async () => (await byStatus('pinned')).length === 1 && (await byStatus('pinning')).length === 1;
  await poll('one is pinned and one is searched for', PATIENCE_MS, isSettled);
  const pinned = { Name: 'good', Status: 'pinned', Cid: good };
  const pinning = { Name: 'missing', Status: 'pinning', Cid: missing };
  const failed = { Name: 'blocked', Status: 'failed', Cid: blocked };
  t.deepEqual(await byStatus('pinned'), [pinned]);
  t.deepEqual(await byStatus('failed'), [failed]);
  t.deepEqual(await byStatus('queued'), []);
  t.deepEqual(await byStatus('pinning', 'failed'), [failed, pinning], 'newest first');
  t.deepEqual(await byStatus('queued', 'pinning', 'pinned', 'failed'), [failed, pinning, pinned]);

  t.deepEqual(await remoteLs(ipfs), [pinned], 'without a status kubo asks for those that are pinned');
  t.deepEqual(await remoteLs(ipfs, '--name=missing', EVERY_STATUS), [pinning]);
  t.deepEqual(await remoteLs(ipfs, '--name=miss', EVERY_STATUS), [], 'a name is matched whole');
  t.deepEqual(await remoteLs(ipfs, `--cid=${blocked}`, EVERY_STATUS), [failed]);
  t.deepEqual(await remoteLs(ipfs, `--cid=${blocked}`, `--cid=${good}`, EVERY_STATUS), [failed, pinned]);
  const asV0 = await ipfs.ok('cid', 'format', '-v', '1', '-b', 'base36', good);
  t.deepEqual(await remoteLs(ipfs, `--cid=${asV0}`), [pinned], 'whatever base it is written in');

  const stat = await ipfs.ok('pin', 'remote', 'service', 'ls', '--stat');
  t.regex(stat, /^fbpd\s+http:\/\/127\.0\.0\.1:\d+\s+0\/1\/1\/1$/m);
});

test.serial('twenty-five pins are listed and removed past one page', async (t) => {
  const { daemon, ipfs } = await createWorld(t);
  const cids = await addFiles(t, ipfs, 25);
  for (const [i, cid] of cids.entries()) await remoteAdd(ipfs, cid, '--background', `--name=file ${i}`);
  await poll('all are pinned', PATIENCE_MS, async () => (await remoteLs(ipfs)).length === cids.length);
  const listed = await remoteLs(ipfs, EVERY_STATUS);
  t.deepEqual(
    listed.map(({ Cid }) => Cid),
    cids.toReversed(),
    'each once, newest first',
  );
  t.deepEqual(await remoteLs(ipfs, '--name=file 0'), [{ Cid: cids[0], Name: 'file 0', Status: 'pinned' }]);
  t.is((await pinnedByUs(daemon)).length, 25);

  await ipfs.ok('pin', 'remote', 'rm', '--service=fbpd', '--name=file 7');
  t.is((await remoteLs(ipfs)).length, 24);
  await ipfs.ok('pin', 'remote', 'rm', '--service=fbpd', `--cid=${cids[3]}`);
  t.is((await remoteLs(ipfs)).length, 23);
  t.regex(await ipfs.fail('pin', 'remote', 'rm', '--service=fbpd'), /multiple remote pins .* add --force/);
  t.is((await remoteLs(ipfs)).length, 23);
  await ipfs.ok('pin', 'remote', 'rm', '--service=fbpd', '--force');
  t.deepEqual(await remoteLs(ipfs, EVERY_STATUS), []);
  await poll('our kubo has let go of all of them', PATIENCE_MS, async () => (await pinnedByUs(daemon)).length === 0);
});

test.serial('several pins of one name are only removed with --force, and their content is held until the last', async (t) => {
  const { daemon, ipfs } = await createWorld(t);
  const [cid = ''] = await addFiles(t, ipfs, 1);
  for (const name of ['twin', 'twin', 'single']) t.like(await remoteAdd(ipfs, cid, `--name=${name}`), { Status: 'pinned' });

  const refusal = await ipfs.fail('pin', 'remote', 'rm', '--service=fbpd', '--name=twin');
  t.regex(refusal, /multiple remote pins are matching this query, add --force to confirm the bulk removal/);
  t.is((await remoteLs(ipfs, '--name=twin')).length, 2);
  await ipfs.ok('pin', 'remote', 'rm', '--service=fbpd', '--name=twin', '--force');
  t.deepEqual(await remoteLs(ipfs, EVERY_STATUS), [{ Cid: cid, Name: 'single', Status: 'pinned' }]);
  t.is((await pinnedByUs(daemon)).length, 1);
  await ipfs.ok('pin', 'remote', 'rm', '--service=fbpd', '--name=single');
  await poll('our kubo has let go', PATIENCE_MS, async () => (await pinnedByUs(daemon)).length === 0);
});

test.serial("the MFS policy pins the client's root, and pins it anew when it has changed", async (t) => {
  const { daemon, client, ipfs } = await createWorld(t);
  const policy = 'Pinning.RemoteServices.fbpd.Policies.MFS';
  await ipfs.ok('config', '--json', `${policy}.RepinInterval`, '"1s"');
  await ipfs.ok('config', '--json', `${policy}.Enable`, 'true');
  const name = `policy/${client.peerId}/mfs`;
  const isRootPinned = async () => {
    const root = await ipfs.ok('files', 'stat', '--hash', '/');
    const pins = await remoteLs(ipfs, `--name=${name}`, EVERY_STATUS);
    return pins.length === 1 && pins[0]?.Cid === root && pins[0]?.Status === 'pinned';
  };

  for (const path of ['/notes', '/more notes', '/notes again']) {
    const [cid = ''] = await addFiles(t, ipfs, 1);
    await ipfs.ok('files', 'cp', `/ipfs/${cid}`, path);
    await ipfs.ok('files', 'flush');
    await poll(`the root with ${path} is the one pin of its name`, PATIENCE_MS, isRootPinned);
  }
  await poll('our kubo holds one root only', PATIENCE_MS, async () => (await pinnedByUs(daemon)).length === 1);
  const root = await ipfs.ok('files', 'stat', '--hash', '/');
  await client.stop();
  t.is(
    await managedCli(daemon)
      .ok('ls', `/ipfs/${root}`)
      .then((listing) => listing.split('\n').length),
    3,
  );
});

test.serial('what is wrong with a service is said in words that kubo shows', async (t) => {
  const { daemon, ipfs, token } = await createWorld(t);
  const service = (...args: string[]) => ['pin', 'remote', 'service', ...args];
  t.regex(await ipfs.fail(...service('add', 'bad', 'pins.example.org', token)), /must be a valid HTTP URL/);
  t.regex(await ipfs.fail(...service('add', 'bad', 'xyz://pins.example.org', token)), /must be a valid HTTP URL/);

  await ipfs.ok(...service('add', 'stranger', daemon.apiUrl(), 'no-token-of-ours'));
  t.regex(await ipfs.fail('pin', 'remote', 'ls', '--service=stranger'), /access denied.* 401/);
  await ipfs.ok(...service('add', 'astray', `${daemon.apiUrl()}/wrong/path`, token));
  t.regex(await ipfs.fail('pin', 'remote', 'ls', '--service=astray'), /404/);
  await ipfs.ok(...service('add', 'slash', `${daemon.apiUrl()}/`, token));
  t.is(await ipfs.ok('pin', 'remote', 'ls', '--service=slash'), '', 'a slash at the end does no harm');

  const [{ RemoteServices: services } = {}] = await ipfs.json(...service('ls', '--stat'));
  const stats = (services as { Service: string; Stat: object }[]).map(({ Service, Stat }) => [Service, Stat]);
  const counts = { Queued: 0, Pinning: 0, Pinned: 0, Failed: 0 };
  t.deepEqual(stats, [
    ['astray', { Status: 'invalid' }],
    ['fbpd', { Status: 'valid', PinCount: counts }],
    ['slash', { Status: 'valid', PinCount: counts }],
    ['stranger', { Status: 'invalid' }],
  ]);
  const [plain] = await ipfs.json(...service('ls'));
  t.false(JSON.stringify(plain).includes('Stat'), 'without --stat nobody is asked');

  for (const name of ['astray', 'slash', 'stranger', 'fbpd']) await ipfs.ok(...service('rm', name));
  t.is(await ipfs.ok(...service('ls')), '');
});

test.serial('kubo shows our token to nobody, and neither do we', async (t) => {
  const { daemon, client, ipfs, token } = await createWorld(t);
  await remoteAdd(ipfs, (await addFiles(t, ipfs, 1))[0] ?? '');
  const hidden = /cannot show or change pinning services credentials/;
  t.regex(await ipfs.fail('config', 'Pinning'), hidden);
  t.regex(await ipfs.fail('config', 'Pinning.RemoteServices.fbpd.API.Key'), hidden);
  t.false((await ipfs.ok('config', 'show')).includes(token));
  t.true((await readFile(join(client.repo, 'config'), 'utf8')).includes(token), 'it is in its config all the same');
  t.false(daemon.log().includes(token));
});

test.serial('a client without a daemon of its own is warned, and its pin accepted', async (t) => {
  const { client, ipfs } = await createWorld(t);
  const [cid = ''] = await addFiles(t, ipfs, 1);
  await client.stop();
  const { code, stdout, stderr } = await ipfs.run('pin', 'remote', 'add', '--service=fbpd', '--background', '--name=offline', cid);
  t.is(code, 0, stderr);
  t.regex(stdout + stderr, /the local node is offline and remote pinning may fail/);
  const [pin] = await remoteLs(ipfs, '--name=offline', EVERY_STATUS);
  t.is(pin?.Cid, cid);
});
