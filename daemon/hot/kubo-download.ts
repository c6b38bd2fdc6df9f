import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';

export interface ObtainKuboOptions {
  /** Without the `v`. */
  version: string;
  /** Where to work. */
  dir: string;
  /** Where the program goes, whole or not at all. */
  target: string;
  environment: Readonly<Record<string, string>>;
  onProgress: (text: string) => void;
}

/** Where the npm package `kubo` gets its releases from. */
const RELEASES = { host: 'github.com', port: 443 };
const CONNECT_TIMEOUT_MS = 10_000;
const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;

/**
 * Gets the program with the npm package's own download, which compares the published SHA-512. Its install script did
 * not run, because packages are installed with their scripts off.
 */
export async function downloadKubo({ version, dir, target, environment, onProgress }: ObtainKuboOptions): Promise<string> {
  await canConnect();
  onProgress(`downloading kubo ${version} into ${dir} …`);
  const scratch = join(dir, 'download');
  await mkdir(scratch, { recursive: true });
  try {
    await runDownload(version, scratch, environment);
    await copyFile(join(scratch, 'kubo', 'ipfs'), `${target}.new`);
    await chmod(`${target}.new`, 0o755);
    await rename(`${target}.new`, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return target;
}

/** The download has no time-out for a network that swallows packets, so the door is tried first. */
function canConnect(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(RELEASES);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`${RELEASES.host} is not reachable (${why})`));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(`no answer in ${CONNECT_TIMEOUT_MS / 1_000} s`));
    socket.on('error', (error) => fail(error.message));
    socket.on('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

function runDownload(version: string, scratch: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const module = createRequire(import.meta.url).resolve('kubo/src/download.js');
  const script = `require(process.argv[1]).download('v${version}', undefined, undefined, process.argv[2]).catch((error) => { console.error(error.message); process.exit(1); })`;
  const child = spawn(process.execPath, ['--eval', script, module, scratch], {
    cwd: scratch,
    env: { ...environment, NPM_KUBO_CACHE: join(scratch, 'archives') },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: DOWNLOAD_TIMEOUT_MS,
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words = (words + chunk).slice(-2_000);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`it failed: ${words.trim().split('\n').at(-1) ?? `exit code ${code}`}`)),
    );
  });
}
