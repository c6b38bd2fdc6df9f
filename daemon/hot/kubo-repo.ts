import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { FbpdError } from '../domain/errors.ts';
import type { KuboConfig } from './kubo-config.ts';
import { isRecord } from './kubo-rpc.ts';

/** Where everything of a managed kubo lies. */
export interface KuboFiles {
  /** Its HOME. */
  dir: string;
  /** IPFS_PATH. */
  repo: string;
  /** The RPC's unix socket. */
  socket: string;
  /** The gateway's. */
  gatewaySocket: string;
  /** `{pid, supervisorPid}` of the kubo that was started last. */
  pid: string;
  /** The addresses that were last known. */
  addresses: string;
}

export function kuboFiles(stateDir: string): KuboFiles {
  const dir = join(stateDir, 'kubo');
  return {
    dir,
    repo: join(dir, 'repo'),
    socket: join(dir, 'rpc.sock'),
    gatewaySocket: join(dir, 'gateway.sock'),
    pid: join(dir, 'pid.json'),
    addresses: join(dir, 'addresses.json'),
  };
}

/**
 * The environment of every kubo we run. A service user may have no home, and kubo does not start without one; what
 * the operator said for proxies, certificates and Go's runtime is passed on, `IPFS_…` is not.
 */
export function kuboEnvironment(files: KuboFiles, environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && PASSED_ON.test(entry[0]),
  );
  return {
    ...Object.fromEntries(passed),
    HOME: files.dir,
    XDG_CONFIG_HOME: files.dir,
    IPFS_PATH: files.repo,
    IPFS_TELEMETRY: 'off',
    DO_NOT_TRACK: '1',
  };
}

const PASSED_ON = /^(PATH|TZ|LANG|LC_\w+|TMPDIR|GO(GC|MEMLIMIT|MAXPROCS|DEBUG|LOG_\w+)|SSL_CERT_\w+|(https?|no|all)_proxy)$/i;

const INIT_DEADLINE_MS = 60_000;

/**
 * Makes the repo if there is none. It is made beside its place and moved there whole, so that a crash leaves no half
 * of one.
 *
 * @throws FbpdError `BAD_ENVIRONMENT` when the directory cannot be used.
 */
export async function ensureRepo(binary: string, files: KuboFiles, environment: Record<string, string>): Promise<void> {
  try {
    await mkdir(files.dir, { recursive: true, mode: 0o700 });
    await removeLeftovers(files);
    const content = await readdir(files.repo).catch(emptyIfMissing);
    if (content.includes('config')) return;
    if (content.length > 0) throw new Error('it holds files, but no config of kubo');
    await initRepo(binary, files, environment);
  } catch (cause) {
    throw new FbpdError('BAD_ENVIRONMENT', `kubo's repo ${files.repo} cannot be used: ${lastWords(cause)}`, {
      subject: 'state.dir',
      cause,
    });
  }
}

const EMPTY_DIRECTORY = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn';
const NEW_REPO = 'repo.new-';

async function removeLeftovers(files: KuboFiles): Promise<void> {
  const stale = (await readdir(files.dir)).filter((name) => name.startsWith(NEW_REPO));
  for (const name of stale) await rm(join(files.dir, name), { recursive: true, force: true });
}

async function initRepo(binary: string, files: KuboFiles, environment: Record<string, string>): Promise<void> {
  const fresh = await mkdtemp(join(files.dir, NEW_REPO));
  const options = { env: { ...environment, IPFS_PATH: fresh }, timeout: INIT_DEADLINE_MS };
  const ipfs = (...args: string[]) => promisify(execFile)(binary, [`--repo-dir=${fresh}`, ...args], options);
  await ipfs('init', '--empty-repo', '--profile=flatfs,autoconf-off');
  // Even an empty repo has a pin, of the empty directory: it is nobody's, and would look like a stray of ours.
  await ipfs('pin', 'rm', EMPTY_DIRECTORY).catch(() => undefined);
  await rename(fresh, files.repo);
  await syncDir(files.dir);
}

/** What a failed child said last on standard error, or the error's own message. */
function lastWords(error: unknown): string {
  if (isRecord(error) && typeof error.stderr === 'string' && error.stderr.trim() !== '')
    return error.stderr.trim().split('\n').slice(-3).join('; ');
  return error instanceof Error ? error.message : String(error);
}

function emptyIfMissing(error: unknown): string[] {
  if (isRecord(error) && error.code === 'ENOENT') return [];
  throw error;
}

/** @throws FbpdError `BAD_ENVIRONMENT` when the config is unreadable. */
export async function readConfig(files: KuboFiles): Promise<KuboConfig> {
  const path = join(files.repo, 'config');
  try {
    const config: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (isRecord(config)) return config;
    throw new Error('it is not a JSON object');
  } catch (cause) {
    throw new FbpdError('BAD_ENVIRONMENT', `kubo's config ${path} cannot be read: ${lastWords(cause)}`, { subject: 'state.dir', cause });
  }
}

/** Only while no kubo runs on the repo. The file holds the node's private key, so it is never half written, nor readable to others. */
export async function writeConfig(files: KuboFiles, config: KuboConfig): Promise<void> {
  await writeFileAtomic(join(files.repo, 'config'), JSON.stringify(config, null, 2));
}

/** Old content or new content, whatever dies when. */
export async function writeFileAtomic(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  const handle = await open(part, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, path);
  await syncDir(dirname(path));
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
