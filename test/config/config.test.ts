import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { renderConfigFile } from '../../daemon/config/render.ts';
import { findConfigFile, loadConfig, parseConfig } from '../../daemon/config.ts';
import type { FbpdError } from '../../daemon/domain/errors.ts';

const NOTHING = { HOME: '/home/u' };

function parse(text: string, variables: NodeJS.ProcessEnv = NOTHING) {
  return parseConfig(text, { file: '/etc/fbpd/fbpd.toml', variables });
}

async function tempDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-config-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('an empty file gives every default', (t) => {
  const config = parse('');
  t.is(config.state.dir, '/var/lib/fbpd');
  t.deepEqual(config.api.listen, { host: '127.0.0.1', port: 5080 });
  t.is(config.limits.dagBytes, 31 * 2 ** 30);
  t.is(config.limits.pinTimeoutMs, 86_400_000);
  t.is(config.hot.mode, 'managed');
  t.is(config.hot.capacityBytes, undefined);
});

test('values are read in their units', (t) => {
  const config = parse(`
    [state]
    min_free = "1.5GiB"
    [api]
    listen = "[::1]:0"
    public_url = "https://pins.example.org/"
    trusted_proxies = ["10.0.0.0/8", "::1"]
    [limits]
    stall_timeout = "90s"
    concurrent_pins = 3
    private_origins = true
  `);
  t.is(config.state.minFreeBytes, 1.5 * 2 ** 30);
  t.deepEqual(config.api.listen, { host: '::1', port: 0 });
  t.is(config.api.publicUrl, 'https://pins.example.org');
  t.deepEqual(config.api.trustedProxies, ['10.0.0.0/8', '::1']);
  t.is(config.limits.stallTimeoutMs, 90_000);
  t.is(config.limits.concurrentPins, 3);
  t.true(config.limits.privateOrigins);
});

test('relative paths start at the directory of the file', (t) => {
  const config = parse('[state]\ndir = "data"\n[api]\nadmin_socket = "../admin.sock"');
  t.is(config.state.dir, '/etc/fbpd/data');
  t.is(config.api.adminSocket, '/etc/admin.sock');
});

const REFUSED: readonly (readonly [what: string, text: string, subject: string | undefined, message: RegExp])[] = [
  ['an unknown key, with the one that was meant', '[limits]\ndag_byte = "1GiB"', 'limits.dag_byte', /did you mean limits\.dag_bytes\?/],
  ['a key in the wrong section', '[api]\ndag_bytes = "1GiB"', 'api.dag_bytes', /did you mean limits\.dag_bytes\?/],
  ['a key like no other', '[api]\nqqqqqqq = 1', 'api.qqqqqqq', /fbpd init --stdout/],
  ['an unknown section', '[limit]\n', 'limit', /unknown section \[limit\]; did you mean limits\?/],
  ['a key outside any section', 'listen = "127.0.0.1:1"', 'listen', /did you mean api\.listen\?/],
  ['a key that only an object has by birth', '[api]\nconstructor = 1', 'api.constructor', /unknown key/],
  ['a section of that kind', '[toString]\n', 'toString', /unknown section/],
  ['a section written as a key', 'api = 3', 'api', /written \[api\]/],
  ['a size without a unit', '[limits]\ndag_bytes = 5', 'limits.dag_bytes', /expected a size such as "31GiB", got 5/],
  ['a bad size', '[limits]\ndag_bytes = "31 gigs"', 'limits.dag_bytes', /got "31 gigs"/],
  ['a bad duration', '[limits]\npin_timeout = "soon"', 'limits.pin_timeout', /expected a duration/],
  ['a count of zero', '[limits]\nconcurrent_pins = 0', 'limits.concurrent_pins', /at least 1/],
  ['a number as text', '[limits]\nconcurrent_pins = "8"', 'limits.concurrent_pins', /whole number/],
  ['a port that is none', '[hot]\nswarm_port = 70000', 'hot.swarm_port', /expected a port/],
  ['an address without a port', '[api]\nlisten = "127.0.0.1"', 'api.listen', /expected an address and port/],
  ['a network that is none', '[api]\ntrusted_proxies = ["10.0.0.0/33"]', 'api.trusted_proxies', /list of addresses or networks/],
  ['an origin with a path', '[api]\ncors_origins = ["https://a.example/x"]', 'api.cors_origins', /list of origins/],
  ['a day that no month has', '[schedule]\ngc = "0 0 31 2 *"', 'schedule.gc', /"0 0 31 2 \*" never comes/],
  ['a cron expression that is none', '[schedule]\ngc = "daily"', 'schedule.gc', /cron expression/],
  ['a word that is none of those', '[hot]\nmode = "both"', 'hot.mode', /one of "managed", "external"/],
  ['TOML that does not parse', '[hot\n', undefined, /line 1, column \d+: /],
  ['the same key twice', '[hot]\nmode = "managed"\nmode = "managed"', undefined, /line 3/],

  ['external without rpc', '[hot]\nmode = "external"', 'hot.mode', /set hot\.rpc/],
  ['managed with rpc', '[hot]\nrpc = "http://127.0.0.1:5001"', 'hot.rpc', /set hot\.mode = "external"/],
  [
    'external with a swarm port',
    '[hot]\nmode = "external"\nrpc = "http://127.0.0.1:5001"\nswarm_port = 1',
    'hot.swarm_port',
    /set hot\.mode = "managed"/,
  ],
  ['a DAG limit over the capacity', '[hot]\ncapacity = "1GiB"', 'limits.dag_bytes', /lower limits\.dag_bytes or raise hot\.capacity/],
  [
    'a stall longer than the whole',
    '[limits]\nstall_timeout = "2d"',
    'limits.stall_timeout',
    /longer than limits\.pin_timeout \(1d\): lower it/,
  ],
  ['headers later than the request', '[limits]\nheaders_timeout = "1h"', 'limits.headers_timeout', /limits\.request_timeout/],
  ['all origins and one', '[api]\ncors_origins = ["*", "https://a.example"]', 'api.cors_origins', /remove it or the others/],
];

for (const [what, text, subject, message] of REFUSED) {
  test(`${what} is refused by name, in one line`, (t) => {
    const error = t.throws<FbpdError>(() => parse(text));
    t.is(error?.code, 'BAD_CONFIG');
    t.is(error?.subject, subject);
    t.regex(error?.message ?? '', message);
    t.true(error?.message.startsWith('/etc/fbpd/fbpd.toml: '));
    t.false(error?.message.includes('\n'));
  });
}

test('the file that init writes is the defaults, and says so for every key', (t) => {
  const { env: _, ...rendered } = parse(renderConfigFile('x'));
  const { env: __, ...empty } = parse('');
  t.deepEqual(rendered, empty);
});

test('each commented line of that file, uncommented, is a value its key takes', (t) => {
  const lines = renderConfigFile('x').split('\n');
  let section = '';
  let keys = 0;
  for (const line of lines) {
    section = /^\[([\w.]+)\]$/.exec(line)?.[1] ?? section;
    const assignment = /^# (\w+ = .+)$/.exec(line)?.[1];
    if (assignment === undefined) continue;
    keys++;
    const mode = section === 'hot' && /^(rpc|rpc_token_file|gateway) /.test(assignment) ? '\nmode = "external"\n' : '\n';
    // A Lotus node, or a maker, alone means deals, which take more than that.
    const none = section === 'lotus' ? '[cold]\nmaker = "none"\n' : '';
    if (section === 'cold' && assignment === 'maker = "mk12"') continue;
    const rpc = /^(rpc_token_file|gateway) /.test(assignment) ? 'rpc = "http://127.0.0.1:5001"\n' : '';
    t.notThrows(
      () => parseConfig(`${none}[${section}]${mode}${rpc}${assignment}`, { file: '/x/y', variables: NOTHING, secrets: false }),
      line,
    );
  }
  t.true(keys > 60);
});

test('what is overridden is set in that file', (t) => {
  const config = parse(renderConfigFile('x', { 'state.dir': '.', 'limits.private_origins': true }));
  t.is(config.state.dir, '/etc/fbpd');
  t.true(config.limits.privateOrigins);
});

test('the cache is where the config says, else where systemd, XDG and the home directory have it', (t) => {
  const cacheOf = (text: string, variables: NodeJS.ProcessEnv) => parse(text, variables).state.cacheDir;
  t.is(cacheOf('[state]\ncache_dir = "/a"', { CACHE_DIRECTORY: '/b' }), '/a');
  t.is(cacheOf('', { CACHE_DIRECTORY: '/b', XDG_CACHE_HOME: '/c', HOME: '/d' }), '/b');
  t.is(cacheOf('', { XDG_CACHE_HOME: '/c', HOME: '/d' }), '/c/fbpd');
  t.is(cacheOf('', { HOME: '/d' }), '/d/.cache/fbpd');
});

test('the config is looked for in order, and a named one need not be found', async (t) => {
  const cwd = await tempDir(t);
  const local = join(cwd, '.fbpd', 'fbpd.toml');
  await mkdir(join(cwd, '.fbpd'));
  await writeFile(local, '');
  t.is(findConfigFile({ cwd, variables: {} }), local);
  t.is(findConfigFile({ cwd, variables: { FBPD_CONFIG: 'other.toml' } }), join(cwd, 'other.toml'));
  t.is(findConfigFile({ cwd, variables: { FBPD_CONFIG: 'other.toml' }, file: '/third.toml' }), '/third.toml');
});

test('a config that is named and missing, or unreadable, is one clear line', async (t) => {
  const cwd = await tempDir(t);
  const missing = t.throws<FbpdError>(() => loadConfig({ file: join(cwd, 'none.toml'), variables: {} }));
  t.is(missing?.code, 'BAD_CONFIG');
  t.regex(missing?.message ?? '', /none\.toml: there is no such file$/);
  const directory = t.throws<FbpdError>(() => loadConfig({ file: cwd, variables: {} }));
  t.regex(directory?.message ?? '', /cannot be read \(EISDIR\)/);
});

test('a secret comes from its file, or from the systemd credential of its name, without the newline', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'token'), 'from file\n');
  await writeFile(join(dir, 'hot.rpc_token'), 'from credential\n');
  const external = '[hot]\nmode = "external"\nrpc = "http://127.0.0.1:5001"\n';
  const withFile = `${external}rpc_token_file = "${join(dir, 'token')}"`;
  t.is(parse(external).hot.rpcToken, undefined);
  t.is(parse(withFile).hot.rpcToken, 'from file');
  t.is(parse(external, { ...NOTHING, CREDENTIALS_DIRECTORY: dir }).hot.rpcToken, 'from credential');
  t.is(parse(withFile, { ...NOTHING, CREDENTIALS_DIRECTORY: dir }).hot.rpcToken, 'from file');
});

test('a secret that is missing or empty is refused, but not to commands that need none', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'empty'), '\n');
  const at = (name: string) => `[hot]\nmode = "external"\nrpc = "http://127.0.0.1:5001"\nrpc_token_file = "${join(dir, name)}"`;
  t.regex(t.throws(() => parse(at('none')))?.message ?? '', /^hot\.rpc_token_file .*none: there is no such file$/);
  t.regex(t.throws(() => parse(at('empty')))?.message ?? '', /is empty, but should hold the secret hot\.rpc_token/);
  t.is(parseConfig(at('none'), { file: '/x/y', variables: NOTHING, secrets: false }).hot.rpcToken, undefined);
});

test('a config file that may not be read says so', async (t) => {
  if (process.getuid?.() === 0) {
    t.pass('root may read everything');
    return;
  }
  const file = join(await tempDir(t), 'fbpd.toml');
  await writeFile(file, '');
  await chmod(file, 0);
  t.regex(t.throws(() => loadConfig({ file, variables: {} }))?.message ?? '', /no permission to read it/);
});
