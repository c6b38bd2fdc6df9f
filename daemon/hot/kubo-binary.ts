import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { FbpdError } from '../domain/errors.ts';
import { buildKubo } from './kubo-build.ts';
import { downloadKubo } from './kubo-download.ts';

export interface FindKuboOptions {
  /** `hot.binary`. When it is given, nothing else is looked at. */
  configured: string | undefined;
  /** `$KUBO_BINARY`. When it is given, nothing further is looked at. */
  kuboBinary: string | undefined;
  /** What is downloaded or built goes to `<cacheDir>/kubo`. */
  cacheDir: string;
  /** For child processes: PATH above all, and what Go and npm understand of proxies. */
  environment: Readonly<Record<string, string>>;
  onProgress: (text: string) => void;
  /** False to look only at what is here: nothing is downloaded or built. Default true. */
  obtain?: boolean;
}

export interface FoundKubo {
  path: string;
  /** `0.43.0`. */
  version: string;
  /** Where it came from, for people. */
  how: string;
}

/** The release that the tests run against, and the oldest that is accepted. Its Go module builds as it is. */
export const TESTED_VERSION = '0.43.0';

/** A place to look at; rejects with why there is none. */
interface Step {
  how: string;
  find(): Promise<string>;
}

const VERSION_TIMEOUT_MS = 20_000;

/**
 * Finds a kubo program: the config, `$KUBO_BINARY`, our cache, `PATH`, a download, a build from the Go module, in this
 * order. The last two may take minutes.
 *
 * @throws FbpdError `BAD_ENVIRONMENT` with all that was tried and what to do
 */
export async function findKubo(options: FindKuboOptions): Promise<FoundKubo> {
  const tried: string[] = [];
  for (const step of stepsOf(options)) {
    try {
      const path = await step.find();
      return { path, version: await acceptableVersion(path), how: step.how };
    } catch (error) {
      tried.push(`${step.how}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const advice = `install kubo ${TESTED_VERSION} or later and name it with hot.binary, or install Go so that it can be built`;
  throw new FbpdError('BAD_ENVIRONMENT', `no usable kubo was found; ${advice}. Tried: ${tried.join('; ')}`, { subject: 'hot.binary' });
}

function stepsOf({ configured, kuboBinary, cacheDir, environment, onProgress, obtain = true }: FindKuboOptions): Step[] {
  if (configured !== undefined) return [{ how: `hot.binary ${configured}`, find: () => executable(configured) }];
  if (kuboBinary !== undefined) return [{ how: `$KUBO_BINARY ${kuboBinary}`, find: () => executable(kuboBinary) }];
  const dir = join(cacheDir, 'kubo', `v${TESTED_VERSION}`);
  const target = join(dir, 'ipfs');
  const here = [
    { how: `cache ${target}`, find: () => executable(target) },
    { how: 'PATH', find: () => onPath(environment.PATH ?? '') },
  ];
  if (!obtain) return here;
  return [
    ...here,
    { how: 'download', find: () => downloadKubo({ version: TESTED_VERSION, dir, target, environment, onProgress }) },
    { how: 'build with Go', find: () => buildKubo({ version: TESTED_VERSION, dir, target, environment, onProgress }) },
  ];
}

async function executable(path: string): Promise<string> {
  await access(path, constants.X_OK).catch(() => {
    throw new Error('there is no such program');
  });
  return path;
}

/** The first `ipfs` that is recent enough; an old one in front of it is passed over. */
async function onPath(path: string): Promise<string> {
  const refused: string[] = [];
  for (const dir of path.split(delimiter).filter((entry) => entry !== '')) {
    const candidate = join(dir, 'ipfs');
    try {
      await acceptableVersion(await executable(candidate));
      return candidate;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== 'there is no such program') refused.push(`${candidate}: ${why}`);
    }
  }
  throw new Error(refused.length === 0 ? 'has no ipfs' : refused.join(', '));
}

/** Runs it: a file that cannot run here, or that is no kubo, is found out now and not when the daemon is half up. */
async function acceptableVersion(path: string): Promise<string> {
  const version = await versionOf(path);
  if (!isAtLeast(version, TESTED_VERSION)) throw new Error(`is kubo ${version}; ${TESTED_VERSION} or later is needed`);
  return version;
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['version', '--number'], { timeout: VERSION_TIMEOUT_MS }).catch((cause: unknown) => {
    throw new Error(`does not run (${firstLine(cause)})`, { cause });
  });
  const version = /^\d+\.\d+\.\d+/.exec(stdout.trim())?.[0];
  if (version === undefined) throw new Error(`does not say a version of kubo (${JSON.stringify(stdout.slice(0, 60))})`);
  return version;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}

/** Compares `major.minor.patch`. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map((text) => text.split('.').map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (have?.[index] ?? 0) - (want?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
