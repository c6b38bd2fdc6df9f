import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import type { AdminOptions } from '../../api/admin.ts';
import { createTestAdmin, type TestAdmin } from '../fixtures/create-admin.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { served } from '../fixtures/create-metering.ts';
import { createTestDir } from '../fixtures/create-store.ts';
import { type CliResult, runFbpd, runProgram } from '../fixtures/run-fbpd.ts';
import { ROOT } from '../tools/steps.ts';

type Fbpd = TestAdmin & { fbpd: (...args: string[]) => Promise<CliResult> };

async function setUp(t: ExecutionContext, options: Partial<AdminOptions> = {}): Promise<Fbpd> {
  const admin = await createTestAdmin(t, options);
  return { ...admin, fbpd: (...args) => runFbpd([...args, '--socket', admin.socket]) };
}

function ok(t: ExecutionContext, { code, stdout, stderr }: CliResult): string {
  t.is(code, 0, stderr);
  return stdout;
}

test('an account and a token, from the first command to the last', async (t) => {
  const { fbpd, accounts } = await setUp(t);
  t.regex(ok(t, await fbpd('accounts', 'ls')), /^no accounts; /);
  t.regex(ok(t, await fbpd('accounts', 'add', 'alice')), /^added alice; `fbpd tokens create alice`/);
  const created = await fbpd('tokens', 'create', 'alice', '--name', 'laptop', '--scopes', 'pins:read', '--expires', '30d');
  const secret = ok(t, created).trim();
  t.regex(secret, /^fbp_\w+$/, 'the secret stands alone on standard output');
  const caller = await accounts.authenticate(secret);
  t.like(caller?.token, { name: 'laptop', scopes: ['pins:read'], expiresMs: Date.parse('2026-01-31T00:00:00Z') });
  t.regex(ok(t, await fbpd('accounts', 'ls')), /NAME +STATE +PINS.*\nalice +active +0 +0 +0 +1 +2026-01-01 00:00:00Z/);
  const list = ok(t, await fbpd('tokens', 'ls', 'alice'));
  t.regex(list, /alice +laptop +pins:read +2026-01-01 00:00:00Z +2026-01-31 00:00:00Z\n/);
  t.false(list.includes(secret));
  t.regex(ok(t, await fbpd('tokens', 'revoke', caller?.token.id ?? '')), /^revoked \w+ \(laptop\) of alice\n$/);
  t.is(await accounts.authenticate(secret), undefined);
});

test('what was read of an account is a table, by day and by content', async (t) => {
  const { fbpd, accounts, usage, clock } = await setUp(t);
  const { id } = await accounts.add('alice');
  t.is(
    ok(t, await fbpd('accounts', 'usage', 'alice')),
    'alice, 2025-12-03 to 2026-01-01; it has 0 pins now, 0 of them pinned\nnothing was read\n',
  );
  await usage.note(served({ accountId: id, bytes: 2048 }));
  clock.advance(86_400_000);
  await usage.note(served({ accountId: id, source: 'cold', bytes: 1024, contentKey: 'other' }));
  const text = ok(t, await fbpd('accounts', 'usage', 'alice', '--contents'));
  t.regex(text, /DAY +RESPONSES +HOT +NETWORK +COLD +ALL\n2026-01-01 +1 +2 KiB +0 B +0 B +2 KiB\n/);
  t.regex(text, /\nall +2 +2 KiB +0 B +1 KiB +3 KiB\n/);
  t.regex(text, /CID\n +1 +2 KiB .* bafkqaaa\n +1 +0 B .* other\n$/);
  const { stdout } = await fbpd('accounts', 'usage', 'alice', '--from', '2026-01-02', '--contents', '1', '--json');
  t.like(JSON.parse(stdout), { from: '2026-01-02', served: { coldBytes: 1024 }, contents: [{ cid: 'other' }] });
  t.is((await fbpd('accounts', 'usage', 'alice', '--from', 'monday')).code, 2);
});

test('suspending and deleting say first what they do, and want a yes', async (t) => {
  const { fbpd, pins, accounts } = await setUp(t);
  const { id } = await accounts.add('alice');
  await accounts.createToken(id, { name: 'x', scopes: ['pins:read'] });
  for (const text of ['1', '2'])
    await pins.add(id, { cid: createCid(text).toString(), contentKey: createCid(text).toString(), origins: [] });

  for (const [command, consequence] of [
    ['suspend', /Suspending alice refuses all requests of its 1 token until it is unsuspended; its 2 pins stay\./],
    ['delete', /Deleting alice removes its 2 pins and 1 token for good/],
  ] as const) {
    const { code, stderr } = await fbpd('accounts', command, 'alice');
    t.is(code, 2);
    t.regex(stderr, consequence);
    t.regex(stderr, /Say --yes to go ahead\./);
    t.is((await accounts.find('alice')).state, 'active');
  }

  ok(t, await fbpd('accounts', 'suspend', 'alice', '--yes'));
  t.is((await accounts.find('alice')).state, 'suspended');
  ok(t, await fbpd('accounts', 'unsuspend', 'alice'));
  t.is((await accounts.find('alice')).state, 'active');
  t.is(ok(t, await fbpd('accounts', 'delete', 'alice', '-y')), 'deleted alice: 2 pins and 1 token removed\n');
  t.deepEqual(await accounts.list(), []);
});

test('at a terminal the question is asked, and no is the answer unless it is yes', async (t) => {
  if (!existsSync('/usr/bin/script')) {
    t.log('skipped: script(1), which makes a terminal, is not here');
    t.pass();
    return;
  }
  const { socket, accounts } = await setUp(t);
  await accounts.add('alice');
  const command = `${process.execPath} ${join(ROOT, 'daemon/cli/bootstrap.mjs')} accounts suspend alice --socket ${socket}`;
  const no = await runProgram('/bin/sh', ['-c', `(sleep 3; echo n) | script -qec '${command}' /dev/null`], {});
  t.regex(no.stdout, /Go ahead\? \[y\/N\]/);
  t.regex(no.stdout, /nothing was changed/);
  t.is(no.code, 1);
  t.is((await accounts.find('alice')).state, 'active');
  const yes = await runProgram('/bin/sh', ['-c', `(sleep 3; echo y) | script -qec '${command}' /dev/null`], {});
  t.is(yes.code, 0, yes.stdout);
  t.is((await accounts.find('alice')).state, 'suspended');
});

test('pins are added, listed, shown, retried and removed', async (t) => {
  const { fbpd, accounts, pins } = await setUp(t);
  const { id: accountId } = await accounts.add('alice');
  const cid = createCid('x').toString();
  const origin = '/ip4/127.0.0.1/tcp/4001/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt';
  const id = ok(t, await fbpd('pins', 'add', cid, '--name', 'my pin', '--origin', origin, '--meta', 'a=1', '--meta', 'b=x=y')).trim();
  t.like(await pins.find(id), { cid, name: 'my pin', meta: { a: '1', b: 'x=y' } });
  t.deepEqual((await pins.nextQueued(accountId, () => false)).next?.origins, [origin]);

  t.regex(
    ok(t, await fbpd('pins', 'ls')),
    new RegExp(`REQUEST ID +ACCOUNT.*\n${id} +alice +queued +2026-01-01 00:00:0\\dZ +my pin +${cid}\n$`),
  );
  t.is(ok(t, await fbpd('pins', 'ls', '--status', 'failed,pinned')), 'no pins\n');
  t.regex(ok(t, await fbpd('pins', 'ls', '--name', 'MY', '--match', 'ipartial', '--account', 'alice', '--cid', cid)), /my pin/);
  const shown = ok(t, await fbpd('pins', 'get', id));
  t.regex(shown, /^request id: +\S+\naccount: +alice\ncid: .*\nname: +my pin\nmeta: +\{"a":"1","b":"x=y"\}\nstatus: +queued\n/);
  t.regex(ok(t, await fbpd('pins', 'log', id)), /TIME +EVENT +WHAT\n2026-01-01 00:00:0\dZ +accepted/);

  await pins.beginFetch(cid, 'ours');
  await pins.endFetch(cid, { kind: 'failed', reason: { code: 'timeout', text: 'nobody has it' } });
  t.regex(ok(t, await fbpd('pins', 'get', id)), /why: +nobody has it/);
  t.is(ok(t, await fbpd('pins', 'retry', id)), `${id} is queued\n`);
  await pins.beginFetch(cid, 'ours');
  await pins.endFetch(cid, { kind: 'pinned', sizeBytes: 5, blocks: 1 });
  t.regex(ok(t, await fbpd('pins', 'ls')), new RegExp(`STATUS +TIER +CREATED .*\n${id} +alice +pinned +hot +2026-01-01`));

  const { code, stdout, stderr } = await fbpd('pins', 'rm', 'nothing', id);
  t.is(code, 1);
  t.is(stdout, `removed ${id} (my pin)\n`, 'what can be done is done');
  t.is(stderr, 'fbpd: there is no pin "nothing"\n');

  const steering = await pins.add(accountId, { cid, contentKey: cid, origins: [], name: 'a\u001b[2Jb' });
  t.is(ok(t, await fbpd('pins', 'rm', steering.requestId)), `removed ${steering.requestId} (a\\x1b[2Jb)\n`);
});

test('a page says how to get the next one', async (t) => {
  const { fbpd, accounts, pins, clock } = await setUp(t);
  const { id } = await accounts.add('alice');
  for (let i = 0; i < 3; i++) {
    clock.advance(1_000);
    const cid = createCid(`${i}`).toString();
    await pins.add(id, { cid, contentKey: cid, origins: [], name: `pin ${i}` });
  }
  const first = await fbpd('pins', 'ls', '--limit', '2');
  t.deepEqual(first.stdout.match(/pin \d/g), ['pin 2', 'pin 1']);
  const before = /^2 of 3; the next: --before (\S+)\n$/.exec(first.stderr)?.[1] ?? '';
  const second = await fbpd('pins', 'ls', '--before', before);
  t.deepEqual(second.stdout.match(/pin \d/g), ['pin 0']);
  t.is(second.stderr, '');
});

test('with several accounts a pin must say whose it is', async (t) => {
  const { fbpd, accounts } = await setUp(t);
  const cid = createCid('x').toString();
  t.regex((await fbpd('pins', 'add', cid)).stderr, /there is no account to pin for; `fbpd accounts add NAME`/);
  await accounts.add('alice');
  await accounts.add('bob');
  const { code, stderr } = await fbpd('pins', 'add', cid);
  t.is(code, 2);
  t.is(stderr, 'fbpd: say whose pin it is with --account: alice, bob\n');
  ok(t, await fbpd('pins', 'add', cid, '--account', 'bob'));
});

test('a content is blocked, refused, listed and allowed again', async (t) => {
  const { fbpd, accounts } = await setUp(t);
  await accounts.add('alice');
  const cid = createCid('bad').toString();
  ok(t, await fbpd('pins', 'add', cid));
  t.is(ok(t, await fbpd('block', cid, '--note', 'court order 7')), `blocked ${cid}: 1 pin failed by it\n`);
  const refused = await fbpd('pins', 'add', cid);
  t.is(refused.code, 7);
  t.is(refused.stderr.split('\n').length, 2, 'one line');
  t.regex(ok(t, await fbpd('blocked')), new RegExp(`${cid} +2026-01-01 00:00:0\\dZ +court order 7\n`));
  t.is(ok(t, await fbpd('unblock', cid)), `unblocked ${cid}\n`);
  t.is(ok(t, await fbpd('blocked')), 'nothing is blocked\n');
});

test('every command that shows something prints the same as JSON', async (t) => {
  const { fbpd, accounts } = await setUp(t);
  await accounts.add('alice');
  const pin = JSON.parse(ok(t, await fbpd('pins', 'add', createCid('x').toString(), '--json')));
  t.like(pin, { account: 'alice', status: 'queued' });
  t.is(JSON.parse(ok(t, await fbpd('pins', 'ls', '--json'))).count, 1);
  t.is(JSON.parse(ok(t, await fbpd('--json', 'pins', 'get', pin.requestId))).requestId, pin.requestId);
  t.is(JSON.parse(ok(t, await fbpd('accounts', 'ls', '--json')))[0].name, 'alice');
  t.regex(JSON.parse(ok(t, await fbpd('tokens', 'create', 'alice', '--json'))).secret, /^fbp_/);
  t.is(JSON.parse(ok(t, await fbpd('tokens', 'ls', '--json')))[0].account, 'alice');
  t.is(JSON.parse(ok(t, await fbpd('status', '--json'))).version, '1.2.3');
  t.deepEqual(JSON.parse(ok(t, await fbpd('blocked', '--json'))), []);
  t.is(JSON.parse(ok(t, await fbpd('pins', 'log', pin.requestId, '--json')))[0].event, 'accepted');
  t.deepEqual(JSON.parse(ok(t, await fbpd('reconcile', 'gc', '--json'))).skipped, { busy: 2 });
  t.deepEqual(JSON.parse(ok(t, await fbpd('check', '--json'))), { records: 0, problems: [] });
});

test('what is done to several pins is one JSON value, also where some fail', async (t) => {
  const { fbpd, accounts, pins } = await setUp(t);
  const { id } = await accounts.add('alice');
  const ids: string[] = [];
  for (const text of ['1', '2', '3']) {
    const cid = createCid(text).toString();
    ids.push((await pins.add(id, { cid, contentKey: cid, origins: [] })).requestId);
  }
  const [first = '', second = '', third = ''] = ids;
  const idsOf = (stdout: string) => JSON.parse(stdout).map(({ requestId }: { requestId: string }) => requestId);
  t.deepEqual(idsOf(ok(t, await fbpd('--json', 'pins', 'retry', first, second))), [first, second]);
  t.is(JSON.parse(ok(t, await fbpd('--json', 'pins', 'rm', third))).requestId, third);
  const some = await fbpd('--json', 'pins', 'rm', first, third, second);
  t.is(some.code, 1);
  t.deepEqual(idsOf(some.stdout), [first, second]);
  t.is((await fbpd('--json', 'pins', 'rm', first)).stdout, '');
});

test('the status is for people', async (t) => {
  const { fbpd } = await setUp(t);
  const status = ok(t, await fbpd('status'));
  t.regex(status, /^fbpd: +1\.2\.3, process \d+ on Node 2\d\.[\d.]+, since 2026-01-01 00:00:00Z$/m);
  t.regex(status, /^hot tier: +up: kubo 0\.43\.0$/m);
  t.regex(status, /^disk: +10 B free; pins wait below 5 B$/m);
  t.is(ok(t, await fbpd('reconcile', 'gc')), 'gc: 1 due, 1 done, 0 failed, 2 skipped: busy\n');
});

test('a check by the daemon ends with 6 when something is wrong, and says what', async (t) => {
  const { fbpd } = await setUp(t, { checkStore: async () => ({ records: 9, problems: ['p/1 is damaged', 'an x is missing'] }) });
  const { code, stdout, stderr } = await fbpd('check');
  t.is(code, 6);
  t.is(stdout, 'p/1 is damaged\nan x is missing\n');
  t.regex(stderr, /^fbpd: 2 problems in 9 records; restore a backup/);
  const spendLog = await setUp(t, {
    checkStore: async () => ({ records: 9, problems: ['spend log: it is missing although deals were made'] }),
  });
  t.regex((await spendLog.fbpd('check')).stderr, /^fbpd: 1 problem in 9 records; the store itself is intact.*say fbpd unfreeze/);
  t.is((await (await setUp(t)).fbpd('check')).stderr, '0 records, all intact\n');
});

test('nobody at the socket: 4, with its path and what to do', async (t) => {
  const dir = await createTestDir(t);
  for (const args of [['status'], ['pins', 'ls'], ['accounts', 'ls']]) {
    const { code, stdout, stderr } = await runFbpd([...args, '--socket', 'none.sock'], { cwd: dir });
    t.is(code, 4);
    t.is(stdout, '');
    t.is(stderr, `fbpd: the daemon is not running: nobody listens on ${join(dir, 'none.sock')}; start it with \`fbpd serve\`\n`);
  }
});

test('wrong use: 2, in one line', async (t) => {
  for (const [args, message] of [
    [['pin', 'ls'], /unknown command 'pin' \(Did you mean pins\?\)/],
    [['pins', 'ls', '--limit', '0'], /Expected a whole number of at least 1\./],
    [['pins', 'ls', '--colour'], /unknown option '--colour'/],
    [['pins', 'get'], /missing required argument 'requestid'/],
    [['pins', 'get', 'a', 'b'], /too many arguments/],
    [['tokens', 'create', 'a', '--scopes', 'all'], /Expected some of pins:read/],
  ] as const) {
    const { code, stderr } = await runFbpd(args);
    t.is(code, 2);
    t.regex(stderr, message);
    t.regex(stderr, /^fbpd: .*\n$/);
  }
});

test('a bad config: 3, in one line that names the key', async (t) => {
  const dir = await createTestDir(t);
  t.is((await runFbpd(['status'], { cwd: dir, env: { PATH: process.env.PATH } })).code, 3);
  const file = join(dir, 'fbpd.toml');
  await writeFile(file, '[limits]\ndag_bites = "1GiB"\n');
  for (const command of ['status', 'serve', 'doctor', 'start']) {
    const { code, stderr } = await runFbpd([command, '--config', file]);
    t.is(code, 3);
    t.is(stderr, `fbpd: ${file}: unknown key limits.dag_bites; did you mean limits.dag_bytes?\n`);
  }
});

test('init writes a config that is found from there, and never over another', async (t) => {
  const cwd = await createTestDir(t);
  const file = join(cwd, '.fbpd', 'fbpd.toml');
  t.is(ok(t, await runFbpd(['init'], { cwd })), `wrote ${file}\n`);
  const { code, stderr } = await runFbpd(['init'], { cwd });
  t.is(code, 1);
  t.regex(stderr, /is there already/);
  const { stderr: unreachable } = await runFbpd(['status'], { cwd });
  t.regex(unreachable, /nobody listens on .*\.fbpd\/admin\.sock; start it with `npm start`/);
  t.true((await readFile(file, 'utf8')).includes('dir = "."'));
  t.regex(ok(t, await runFbpd(['init', '--stdout'], { cwd })), /^# dir = "\/var\/lib\/fbpd"$/m);
});

test('help and version go to standard output and are no error', async (t) => {
  t.regex(ok(t, await runFbpd(['--help'])), /^Usage: fbpd /);
  t.regex(ok(t, await runFbpd(['help', 'pins'])), /^Usage: fbpd pins /);
  t.regex(ok(t, await runFbpd(['--version'])), /^\d+\.\d+\.\d+\n$/);
});

test('what cannot be written to standard output is one line: 5', async (t) => {
  if (process.platform !== 'linux') {
    t.log('skipped: there is no /dev/full here');
    t.pass();
    return;
  }
  const { socket } = await setUp(t);
  for (const args of ['pins ls', 'accounts ls --json', 'init --stdout']) {
    const command = `${process.execPath} ${join(ROOT, 'daemon/cli/bootstrap.mjs')} ${args} --socket ${socket} >/dev/full`;
    const { code, stderr } = await runProgram('/bin/sh', ['-c', command], {});
    t.is(stderr, 'fbpd: standard output cannot be written: ENOSPC: no space left on device, write\n');
    t.is(code, 5);
  }
});

test('a reader that stops reading is no error', async (t) => {
  const { socket, accounts, pins } = await setUp(t);
  const { id } = await accounts.add('alice');
  for (let i = 0; i < 300; i++) {
    const cid = createCid(`${i}`).toString();
    await pins.add(id, { cid, contentKey: cid, origins: [], name: 'x'.repeat(200) });
  }
  const command = `${process.execPath} ${join(ROOT, 'daemon/cli/bootstrap.mjs')} pins ls --limit 300 --json --socket ${socket} | head -n 1`;
  const { stdout, stderr } = await runProgram('/bin/sh', ['-c', command], {});
  t.is(stdout, '{\n');
  t.is(stderr, '');
});
