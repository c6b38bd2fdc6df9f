import { spawn } from 'node:child_process';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ObtainKuboOptions } from './kubo-download.ts';
import { readLines } from './lines.ts';

const MODULE = 'github.com/ipfs/kubo';
const PROGRESS_EVERY_MS = 15_000;
const LOCK_POLL_MS = 1_000;
/** A lock without a pid for so many looks was made by a process that died before it wrote it. */
const NAMELESS_LOOKS_MAX = 5;
/** What Go says last is what went wrong. */
const LAST_LINES = 3;

/**
 * Builds the program once from kubo's own Go module. The module and build caches, more than a gigabyte, lie beside
 * it meanwhile and are removed when it is done. Two daemons that start at once build one program.
 */
export async function buildKubo(options: ObtainKuboOptions): Promise<string> {
  const { dir, target, onProgress } = options;
  await runGo(['version'], options).catch((cause: unknown) => {
    throw new Error('there is no Go toolchain', { cause });
  });
  await mkdir(dir, { recursive: true });
  const release = await lock(join(dir, 'build.lock'), onProgress);
  try {
    if (await isFile(target)) return target;
    await build(options);
  } finally {
    await release();
  }
  return target;
}

async function build(options: ObtainKuboOptions): Promise<void> {
  const { version, dir, target, onProgress } = options;
  const scratch = join(dir, 'build');
  const environment = {
    ...options.environment,
    GOPATH: join(scratch, 'go'),
    GOCACHE: join(scratch, 'cache'),
    // Without it the module cache is read-only and could not be removed.
    GOFLAGS: `${options.environment.GOFLAGS ?? ''} -modcacherw -buildvcs=false`.trim(),
  };
  const begunMs = performance.now();
  let modules = 0;
  const say = (): void => {
    const seconds = Math.round((performance.now() - begunMs) / 1_000);
    onProgress(`building kubo ${version} with Go (once, some minutes): ${modules} modules fetched, ${seconds} s`);
  };
  say();
  const ticker = setInterval(say, PROGRESS_EVERY_MS);
  try {
    const downloaded = await runGo(['mod', 'download', '-json', `${MODULE}@v${version}`], { ...options, environment });
    const { Dir: source } = JSON.parse(downloaded) as { Dir: string };
    await runGo(['build', '-C', source, '-o', `${target}.new`, './cmd/ipfs'], { ...options, environment }, (line) => {
      if (line.startsWith('go: downloading ')) modules += 1;
    });
    await rename(`${target}.new`, target);
    onProgress(`kubo ${version} is built: ${target}`);
  } finally {
    clearInterval(ticker);
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Resolves with what it wrote to standard output; `onLine` hears what it says on standard error. */
async function runGo(
  args: readonly string[],
  { environment, dir }: Pick<ObtainKuboOptions, 'environment' | 'dir'>,
  onLine: (line: string) => void = () => undefined,
): Promise<string> {
  const child = spawn('go', args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], ...(args[0] === 'version' ? {} : { cwd: dir }) });
  const ended = Promise.withResolvers<number | null>();
  child.on('error', ended.reject);
  child.on('close', ended.resolve);
  // Nobody would use what it builds once we are gone: the next start begins anew.
  const endWithUs = (): void => void child.kill();
  process.once('exit', endWithUs);
  child.once('close', () => process.off('exit', endWithUs));
  const [output, words, code] = await Promise.all([
    collectLines(child.stdout, () => undefined),
    collectLines(child.stderr, onLine),
    ended.promise,
  ]);
  if (code !== 0) throw new Error(`\`go ${args.slice(0, 2).join(' ')}\` failed: ${words.slice(-LAST_LINES).join(' | ')}`);
  return output.join('\n');
}

async function collectLines(stream: AsyncIterable<Buffer>, onLine: (line: string) => void): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(stream)) {
    lines.push(line);
    onLine(line);
  }
  return lines;
}

async function isFile(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A lock file with our pid; one whose process is gone is taken over. */
async function lock(path: string, onProgress: (text: string) => void): Promise<() => Promise<void>> {
  for (let looks = 0; ; looks += 1) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch {
      const pid = Number(await readFile(path, 'utf8').catch(() => ''));
      if (pid > 0 ? !isAlive(pid) : looks >= NAMELESS_LOOKS_MAX) await rm(path, { force: true });
      else if (looks === 0) onProgress(`another fbpd (process ${pid}) is building kubo; waiting for it`);
      await sleep(LOCK_POLL_MS);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
