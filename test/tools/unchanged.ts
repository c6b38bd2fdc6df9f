import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

/** The text of every file of the project, by its path from the root, with slashes. */
export type Files = ReadonlyMap<string, string>;

/** Paths of ours as they stand in imports, and in URLs of workers: what looks like one counts as one. */
const PATH = /['"`](\.{1,2}\/[^'"`\n]+\.(?:ts|mjs))['"`]/g;
const CODE = /\.(?:ts|mjs)$/;
/** Tests that look at all of the source. */
const OF_THE_WHOLE = /^test\/architecture\//;
/** Who starts processes may start any command of ours. */
const STARTS_PROCESSES = /['"]node:child_process['"]/;

/**
 * What a test's outcome hangs on, as one hash a test: all that it imports, and everything that is no source. Of tests that start
 * processes or look at the source itself it is the whole project.
 *
 * @param extra - whatever else it hangs on, such as the version of Node.
 */
export function fingerprints(files: Files, tests: readonly string[], extra: string): Map<string, string> {
  const hashes = new Map([...files].map(([path, text]) => [path, hashOf(text)]));
  const line = (path: string): string => `${path} ${hashes.get(path)}`;
  const rest = [extra, ...[...files.keys()].filter((path) => !CODE.test(path)).map(line)].sort().join('\n');
  const all = [...files.keys()].map(line).sort().join('\n');
  const imports = new Map([...files].filter(([path]) => CODE.test(path)).map(([path, text]) => [path, importsOf(path, text)]));
  const startsProcesses = (path: string): boolean => path.startsWith('test/') && STARTS_PROCESSES.test(files.get(path) ?? '');
  return new Map(
    tests.map((test) => {
      const reached = reachedFrom(test, imports);
      const isOfTheWhole = OF_THE_WHOLE.test(test) || reached.some(startsProcesses);
      return [test, hashOf(isOfTheWhole ? `${extra}\n${all}` : `${rest}\n${reached.map(line).sort().join('\n')}`)];
    }),
  );
}

function importsOf(path: string, text: string): string[] {
  return [...text.matchAll(PATH)].map(([, to = '']) => posix.join(posix.dirname(path), to));
}

function reachedFrom(test: string, imports: ReadonlyMap<string, readonly string[]>): string[] {
  const reached = new Set([test]);
  for (const path of reached) for (const to of imports.get(path) ?? []) if (imports.has(to)) reached.add(to);
  return [...reached];
}

/** Tests whose run printed no failure. ava begins a title with the file's path, unless there is but one file. */
export function passedOf(tests: readonly string[], failures: readonly string[]): string[] {
  if (failures.length === 0) return [...tests];
  if (tests.length === 1) return [];
  const failed = failures.map((failure) => failure.replace(/^✘ /, ''));
  // A failure that is of no test may be of any.
  if (failed.some((title) => !tests.some((test) => title.startsWith(prefixOf(test))))) return [];
  return tests.filter((test) => !failed.some((title) => title.startsWith(prefixOf(test))));
}

function prefixOf(test: string): string {
  const path = test.replace(/^test\//, '').replace(/\.test\.ts$/, '');
  return `${path.split('/').join(' › ')} › `;
}

/** Which tests passed the last time that they ran, with what they hung on then. What cannot be read is empty. */
export async function readPassed(file: string): Promise<Map<string, string>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, string>));
  } catch {
    return new Map();
  }
}

export async function writePassed(file: string, passed: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(Object.fromEntries(passed), null, 1));
}

/** Every file that git knows of or would take, so that nothing which is made here counts. */
export async function readProject(root: string, paths: readonly string[]): Promise<Files> {
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), 'latin1').catch(() => undefined)));
  return new Map(paths.flatMap((path, i) => (texts[i] === undefined ? [] : [[path, texts[i]] as const])));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
