import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { FbpdError } from '../../daemon/domain/errors.ts';
import { HotError, type HotTier } from '../../daemon/domain/ports.ts';
import { findKubosOf } from '../../daemon/hot/kubo-leftover.ts';
import { kuboFiles } from '../../daemon/hot/kubo-repo.ts';
import { createManagedKubo, type ManagedKuboOptions } from '../../daemon/hot/managed.ts';
import { createTempDir, kuboBinary } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { managedOptions } from './create-managed.ts';

const never = new AbortController().signal;
const PATIENCE_MS = 60_000;
const QUICK = { probeEveryMs: 50, restartFirstMs: 50, restartLastMs: 200 };

/** Starts one that is stopped when the test ends. */
async function startTier(t: ExecutionContext, stateDir: string, over: Partial<ManagedKuboOptions> = {}): Promise<HotTier> {
  const tier = createManagedKubo(managedOptions(stateDir, { times: QUICK, ...over }));
  t.teardown(() => tier.stop());
  await tier.start();
  return tier;
}

const kubosOf = (stateDir: string) => findKubosOf(kuboFiles(stateDir).repo);

async function onlyKubo(t: ExecutionContext, stateDir: string): Promise<number> {
  const kubos = await kubosOf(stateDir);
  t.is(kubos.length, 1);
  return kubos[0]?.pid ?? 0;
}

test('makes its repo, keeps identity and addresses over restarts, and leaves nothing running', async (t) => {
  const dir = await createTempDir(t);
  const first = await startTier(t, dir);
  const before = first.status();
  t.true(before.up);
  await first.stop();
  t.deepEqual(await kubosOf(dir), []);
  t.like(first.status(), { up: false, detail: 'kubo was stopped' });
  t.deepEqual(first.status().addresses, before.addresses);

  const second = await startTier(t, dir);
  t.is(second.status().peerId, before.peerId);
  t.deepEqual(second.status().addresses, before.addresses);
});

test('a new repo holds no pins at all', async (t) => {
  const tier = await startTier(t, await createTempDir(t));
  t.deepEqual(await Array.fromAsync(tier.pins(never)), []);
});

test('the repo is set up for a daemon, and only its owner can read its keys', async (t) => {
  const dir = await createTempDir(t);
  const tier = await startTier(t, dir, { capacityBytes: 12_345_678_900 });
  const path = join(kuboFiles(dir).repo, 'config');
  const config = JSON.parse(await readFile(path, 'utf8'));
  t.like(config, {
    AutoConf: { Enabled: false },
    AutoTLS: { Enabled: false },
    Plugins: { Plugins: { telemetry: { Config: { Mode: 'off' } } } },
    Provide: { Strategy: 'pinned+unique' },
    Gateway: { ExposeRoutingAPI: false, PublicGateways: { localhost: null } },
  });
  t.true(config.Datastore.Spec.mounts[0].sync);
  t.is((await stat(path)).mode & 0o077, 0);
  t.is((await stat(kuboFiles(dir).dir)).mode & 0o077, 0);
  t.is((await tier.usage(never)).capacityBytes, 12_345_678_900);
});

test('knows its addresses before kubo has answered in this life', async (t) => {
  const dir = await createTempDir(t);
  const first = await startTier(t, dir);
  const { addresses } = first.status();
  await first.stop();
  const second = createManagedKubo(managedOptions(dir, { binary: join(dir, 'gone') }));
  await t.throwsAsync(second.start());
  t.deepEqual(second.status().addresses, addresses);
});

test('a kubo that is killed is started again', async (t) => {
  const dir = await createTempDir(t);
  const tier = await startTier(t, dir);
  const killed = await onlyKubo(t, dir);
  process.kill(killed, 'SIGKILL');
  await poll('kubo is down', PATIENCE_MS, () => !tier.status().up);
  t.regex(tier.status().detail, /SIGKILL.*started again/);
  t.true(tier.status().addresses.length > 0);
  await poll('kubo is up again', PATIENCE_MS, () => tier.status().up);
  t.not(await onlyKubo(t, dir), killed);
  t.false(await tier.isPinned('bafkqaaa', never));
});

test('a kubo that stands still is down, and up again when it moves on', async (t) => {
  const dir = await createTempDir(t);
  const tier = await startTier(t, dir, { times: { ...QUICK, probeTimeoutMs: 300, hungAfterMs: PATIENCE_MS } });
  const pid = await onlyKubo(t, dir);
  process.kill(pid, 'SIGSTOP');
  await poll('kubo is down', PATIENCE_MS, () => !tier.status().up);
  t.regex(tier.status().detail, /does not answer/);
  process.kill(pid, 'SIGCONT');
  await poll('kubo is up again', PATIENCE_MS, () => tier.status().up);
  t.is(await onlyKubo(t, dir), pid);
});

test('a kubo that stands still too long is replaced', async (t) => {
  const dir = await createTempDir(t);
  const tier = await startTier(t, dir, { times: { ...QUICK, probeTimeoutMs: 300, hungAfterMs: 600 } });
  const pid = await onlyKubo(t, dir);
  process.kill(pid, 'SIGSTOP');
  await poll('kubo is down', PATIENCE_MS, () => !tier.status().up);
  await poll('kubo is up again', PATIENCE_MS, () => tier.status().up);
  t.not(await onlyKubo(t, dir), pid);
});

test('a kubo that stands still when we stop is ended all the same', async (t) => {
  const dir = await createTempDir(t);
  const tier = await startTier(t, dir, { times: { ...QUICK, stopTimeoutMs: 500 } });
  process.kill(await onlyKubo(t, dir), 'SIGSTOP');
  await tier.stop();
  t.deepEqual(await kubosOf(dir), []);
});

/** A process of its own that runs a tier. */
async function startDaemon(t: ExecutionContext, stateDir: string, environment: Record<string, string> = {}) {
  const script = join(import.meta.dirname, 'run-managed.ts');
  const child = spawn(process.execPath, [script, stateDir], {
    env: { ...process.env, KUBO_BINARY: kuboBinary(), ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  t.is(String(line), 'up\n');
  return child;
}

test('kubo dies with a daemon that is killed, and the next one has it alone', async (t) => {
  const dir = await createTempDir(t);
  const daemon = await startDaemon(t, dir);
  const before = await onlyKubo(t, dir);
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  const tier = await startTier(t, dir);
  t.true(tier.status().up);
  t.not(await onlyKubo(t, dir), before);
});

test('a kubo that outlived its daemon is ended by the next one', async (t) => {
  const dir = await createTempDir(t);
  // Where `setpriv` is not to be found, nothing ends kubo with the daemon.
  const empty = join(dir, 'empty-path');
  await mkdir(empty);
  const daemon = await startDaemon(t, dir, { PATH: empty });
  const before = await onlyKubo(t, dir);
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  t.is(await onlyKubo(t, dir), before, 'it outlived the daemon');
  const tier = await startTier(t, dir);
  t.true(tier.status().up);
  t.not(await onlyKubo(t, dir), before);
});

test('does not take the kubo from a daemon that lives', async (t) => {
  const dir = await createTempDir(t);
  await startDaemon(t, dir);
  const kubo = await onlyKubo(t, dir);
  const second = createManagedKubo(managedOptions(dir));
  const error = await t.throwsAsync(second.start(), { instanceOf: FbpdError });
  t.is(error?.code, 'BAD_ENVIRONMENT');
  t.regex(error?.message ?? '', /another daemon \(process \d+\) runs a kubo/);
  t.is(await onlyKubo(t, dir), kubo);
});

test('an occupied swarm port is said so, and nothing is left running', async (t) => {
  const dir = await createTempDir(t);
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const tier = createManagedKubo(managedOptions(dir, { swarm: [`/ip4/127.0.0.1/tcp/${port}`] }));
  const error = await t.throwsAsync(tier.start(), { instanceOf: FbpdError });
  t.is(error?.code, 'BAD_ENVIRONMENT');
  t.regex(
    error?.message ?? '',
    new RegExp(`hot.swarm_port: kubo cannot listen on /ip4/127.0.0.1/tcp/${port}: another program listens there`),
  );
  t.deepEqual(await kubosOf(dir), []);
});

test('a kubo that does not come up is quoted', async (t) => {
  const dir = await createTempDir(t);
  const tier = createManagedKubo(managedOptions(dir));
  await tier.start();
  await tier.stop();
  await writeFile(join(kuboFiles(dir).repo, 'version'), '999\n');
  const broken = createManagedKubo(managedOptions(dir));
  const error = await t.throwsAsync(broken.start(), { instanceOf: FbpdError });
  t.is(error?.code, 'BAD_ENVIRONMENT');
  t.regex(error?.message ?? '', /kubo did not start: kubo ended with exit code 1: .*999/);
  t.deepEqual(await kubosOf(dir), []);
});

test('a directory that is no repo is not made one', async (t) => {
  const dir = await createTempDir(t);
  await mkdir(kuboFiles(dir).repo, { recursive: true });
  await writeFile(join(kuboFiles(dir).repo, 'thesis.txt'), 'mine');
  const error = await t.throwsAsync(createManagedKubo(managedOptions(dir)).start(), { instanceOf: FbpdError });
  t.regex(error?.message ?? '', /it holds files, but no config of kubo/);
});

test('an init that was cut short leaves nothing behind', async (t) => {
  const dir = await createTempDir(t);
  await mkdir(join(kuboFiles(dir).dir, 'repo.new-half'), { recursive: true });
  const tier = await startTier(t, dir);
  t.true(tier.status().up);
  await t.throwsAsync(stat(join(kuboFiles(dir).dir, 'repo.new-half')));
});

test('a path too long for a socket gets a loopback port with a secret', async (t) => {
  const dir = join(await createTempDir(t), 'x'.repeat(60), 'y'.repeat(60));
  const tier = await startTier(t, dir);
  t.true(tier.status().up);
  const api = (await readFile(join(kuboFiles(dir).repo, 'api'), 'utf8')).trim();
  const port = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)$/.exec(api)?.[1];
  t.truthy(port, api);
  const stranger = await fetch(`http://127.0.0.1:${port}/api/v0/id`, { method: 'POST' });
  t.is(stranger.status, 403);
});

test('garbage goes, what is pinned stays', async (t) => {
  const dir = await createTempDir(t);
  const tier = await startTier(t, dir);
  const limits = { dagBytes: 1e9, dagBlocks: 1e6, timeoutMs: PATIENCE_MS, stallMs: PATIENCE_MS };
  const other = await startTier(t, await createTempDir(t));
  await tier.connect(other.status().addresses, never);
  // The empty directory is in every kubo.
  const empty = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354';
  await tier.fetch(empty, limits, () => undefined, never);
  await tier.pin(empty, never);
  await tier.collectGarbage(never);
  t.true(await tier.isPinned(empty, never));
  await tier.unpin(empty, never);
  await tier.collectGarbage(never);
  const error = await t.throwsAsync(tier.collectGarbage(AbortSignal.abort()), { instanceOf: HotError });
  t.is(error?.failure, 'aborted');
});
