import { once } from 'node:events';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';

import type { components } from '../../spec/fbpd.ts';
import type { Config } from '../config.ts';
import type { Finding } from '../domain/finding.ts';
import { socketAddress } from '../domain/socket-path.ts';
import { formatSize } from '../domain/units.ts';
import { clientFor } from './context.ts';
import { coldFindings, examineColdConfig } from './doctor-cold.ts';
import { examineGateway, isLocal } from './doctor-gateway.ts';
import { describeError } from './exit.ts';

type ColdStatus = components['schemas']['ColdStatus'];

const ok = (about: string, text: string): Finding => ({ about, state: 'ok', text });
const warn = (about: string, text: string): Finding => ({ about, state: 'warn', text });
const fail = (about: string, text: string): Finding => ({ about, state: 'fail', text });

/** Everything that can be looked at from here, in the order in which the daemon meets it. */
export async function examine(config: Config): Promise<Finding[]> {
  const running = await runningDaemon(config);
  const ports =
    running.state === 'ok' && running.running
      ? []
      : [await portOf('api.listen', config.api), await portOf('gateway.listen', config.gateway), ...(await swarmPort(config))];
  return [
    ok('node', process.versions.node),
    ok('config', config.file),
    await directory('state.dir', config.state.dir),
    await freeSpace(config),
    await directory('state.cache_dir', config.state.cacheDir),
    running,
    ...ports,
    exposure(config),
    ...examineGateway(config),
    ...(await hotTier(config)),
    ...(await coldLayer(config, running.cold)),
  ].map(({ about, state, text }) => ({ about, state, text }));
}

async function runningDaemon(config: Config): Promise<Finding & { running?: boolean; cold?: ColdStatus }> {
  const about = 'api.admin_socket';
  const path = config.api.adminSocket;
  try {
    socketAddress(path, process.cwd());
    const { pid, endpoint, cold } = await clientFor(path).call('get', '/admin/status', {});
    return { ...ok(about, `${path}: the daemon runs as process ${pid} at ${endpoint}`), running: true, cold };
  } catch (error) {
    const unreachable = error instanceof Error && 'code' in error && error.code === 'UNREACHABLE';
    return unreachable ? ok(about, `${path}: no daemon runs`) : fail(about, describeError(error));
  }
}

/** Of a directory that is not there yet, its nearest ancestor has to be writable. */
async function directory(about: string, path: string): Promise<Finding> {
  const existing = await nearestExisting(path);
  if (!(await stat(existing)).isDirectory())
    return fail(about, `${path}: ${existing} is not a directory; choose another path, or move it away`);
  try {
    await access(existing, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(about, existing === path ? path : `${path}: will be made`);
  } catch {
    return fail(
      about,
      `${path}: ${existing} is not writable for this user; make the directory and give it to the user that the daemon runs as`,
    );
  }
}

async function nearestExisting(path: string): Promise<string> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (await exists(at)) return at;
  }
  return '/';
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function freeSpace({ state }: Config): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestExisting(state.dir));
  const freeBytes = bavail * bsize;
  const text = `${formatSize(freeBytes)} free, state.min_free is ${formatSize(state.minFreeBytes)}`;
  return freeBytes < state.minFreeBytes
    ? warn('disk', `${text}: pins wait until there is room; free some, or lower state.min_free`)
    : ok('disk', text);
}

function portOf(about: string, { listen }: Pick<Config['api'], 'listen'>): Promise<Finding> {
  return portFinding(about, listen.host, listen.port);
}

async function swarmPort({ hot }: Config): Promise<Finding[]> {
  if (hot.mode === 'external' || hot.swarmPort === 0) return [];
  return Promise.all(hot.swarmListen.map((host) => portFinding('hot.swarm_port', host, hot.swarmPort)));
}

async function portFinding(about: string, host: string, port: number): Promise<Finding> {
  const server = createServer();
  try {
    // Without `ipv6Only`, `::` would clash with our own probe of 0.0.0.0.
    server.listen({ host, port, ipv6Only: true });
    await once(server, 'listening');
    server.close();
    return ok(about, `${host}:${port} is free`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    if (code === 'EADDRINUSE') return fail(about, `${host}:${port} is taken by another program; stop it, or choose another port`);
    if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') return warn(about, `${host} is no address of this machine`);
    return fail(about, `cannot listen on ${host}:${port} (${code})`);
  }
}

/** Tokens travel in the clear over HTTP. */
function exposure({ api }: Config): Finding {
  const { host } = api.listen;
  if (isLocal(host)) return ok('exposure', 'the pinning API listens on this machine only');
  const secured = api.publicUrl?.startsWith('https:') ?? false;
  return secured
    ? ok('exposure', `listens on ${host} in plain HTTP, for the proxy behind ${api.publicUrl}`)
    : warn(
        'exposure',
        `listens on ${host} in plain HTTP, so tokens can be read on the way; put a proxy with TLS before it and name it in api.public_url`,
      );
}

async function hotTier(config: Config): Promise<Finding[]> {
  const { examineHotTier } = await import('../main/hot.ts');
  return examineHotTier(config);
}

async function coldLayer(config: Config, running: ColdStatus | undefined): Promise<Finding[]> {
  const configured = examineColdConfig(config, running?.trusted);
  if (config.cold.maker === 'none') return configured;
  const { examinePublicUrl } = await import('./doctor-public-url.ts');
  configured.push(...examinePublicUrl(config), await directory('cold.staging', config.cold.staging));
  const { examineCold, examineLocationFile } = await import('../main/examine-cold.ts');
  configured.push(...(await examineLocationFile(config)));
  if (running !== undefined) return [...configured, ...coldFindings(running)];
  return [...configured, ...(await examineCold(config))];
}
