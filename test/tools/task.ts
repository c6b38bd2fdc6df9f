import { rm } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';

import { CHECKS, inPairs, type Outcome, ROOT, run, runAva, runStep, toolEnvironment } from './steps.ts';
import { recap, summary, type Tally } from './tap.ts';
import { testKubo } from './test-kubo.ts';
import { fingerprints, passedOf, readPassed, readProject, writePassed } from './unchanged.ts';

const UNIT_TESTS = ['test/**/*.test.ts', '!test/**/*.slow.test.ts'];
const ALL_TESTS = ['test/**/*.test.ts'];
/**
 * What Node made of our files the last time: a third of the time of the quick tests, and of a daemon's start. Threads have no use of
 * it, processes do.
 */
const COMPILED_DIR = join(ROOT, 'node_modules', '.cache', 'compiled');
const PASSED_FILE = join(ROOT, 'node_modules', '.cache', 'passed.json');
const COVERAGE_DIR = join(ROOT, 'node_modules', '.cache', 'coverage');

/** The tasks of `npm run …`, by name; each resolves with the exit code. */
const TASKS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = { check, test, bench, fix, generate };

/** Called by `daemon/cli/bootstrap.mjs task NAME …`. */
export async function runTask(args: readonly string[]): Promise<void> {
  const [name = '', ...rest] = args;
  const task = TASKS[name];
  if (task === undefined) {
    process.stderr.write(`there is no task ${JSON.stringify(name)}; there are ${Object.keys(TASKS).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  process.exitCode = await task(rest);
}
export { runTask as run };

/**
 * The inner loop: types, lint, dead code, and every test that is quick, but for those that passed here before with all that they need
 * as it is now. With `--all` these, too.
 */
async function check(args: readonly string[]): Promise<number> {
  const { tests, fingerprint } = await quickTests();
  const before = args.includes('--all') ? new Map<string, string>() : await readPassed(PASSED_FILE);
  const due = tests.filter((test) => !fingerprint.has(test) || before.get(test) !== fingerprint.get(test));
  if (due.length < tests.length) {
    const text = `${tests.length - due.length} of ${tests.length} test files passed before, and nothing that they need has changed`;
    process.stdout.write(`- ${text}: npm run check -- --all runs them, too\n`);
  }
  const environment = toolEnvironment({ NODE_COMPILE_CACHE: COMPILED_DIR });
  const runDue = async (): Promise<Outcome> => {
    if (due.length === 0) return NOTHING;
    const outcome = await runAva(['--no-worker-threads', ...due], environment, true);
    const passed = new Map(passedOf(due, outcome.failures).map((test) => [test, fingerprint.get(test) ?? '']));
    await writePassed(PASSED_FILE, new Map([...before, ...passed].filter(([test, hash]) => fingerprint.get(test) === hash)));
    return outcome;
  };
  return finish(await inPairs([runDue, ...CHECKS.map((step) => () => runStep(step))]));
}

async function quickTests(): Promise<{ tests: string[]; fingerprint: Map<string, string> }> {
  let listed = '';
  const list = { name: 'files', command: 'git', args: ['ls-files', '--cached', '--others', '--exclude-standard'] };
  await run(list, toolEnvironment(), (chunk, stream) => {
    if (stream === 'stdout') listed += chunk;
  }).catch(() => undefined);
  const paths = [...new Set(listed.split('\n').filter((path) => path !== ''))];
  const tests = paths.filter((path) => matchesGlob(path, 'test/**/*.test.ts') && !path.endsWith('.slow.test.ts'));
  // Where there is no git, all of them run, and none is remembered.
  if (tests.length === 0) return { tests: UNIT_TESTS, fingerprint: new Map() };
  const files = await readProject(ROOT, paths);
  const there = tests.filter((test) => files.has(test));
  return { tests: there, fingerprint: fingerprints(files, there, process.version) };
}

const NOTHING: Outcome = { tally: { passed: 0, failed: 0, skipped: 0 }, failures: [] };

/** Everything: the checks, then all tests with coverage. Patterns given limit it to those tests, without a floor. */
async function test(patterns: readonly string[]): Promise<number> {
  const checks = patterns.length > 0 ? [] : await inPairs(CHECKS.map((step) => () => runStep(step)));
  const dirs = { NODE_V8_COVERAGE: COVERAGE_DIR, NODE_COMPILE_CACHE: COMPILED_DIR };
  const environment = toolEnvironment({ KUBO_BINARY: await testKubo(), ...dirs });
  await rm(COVERAGE_DIR, { recursive: true, force: true });
  const tests = await runAva(patterns.length > 0 ? patterns : ALL_TESTS, environment, false);
  const covered = await runCoverage(patterns.length === 0);
  return finish([...checks, tests, ...covered]);
}

/** Prints how much of the code the tests ran; under the floor of `.c8rc.json` it is a failure. */
async function runCoverage(floor: boolean): Promise<Outcome[]> {
  const args = ['report', '--temp-directory', COVERAGE_DIR, ...(floor ? ['--check-coverage'] : [])];
  const code = await run({ name: 'coverage', command: 'c8', args }, toolEnvironment(), (chunk) => process.stdout.write(chunk));
  await rm(COVERAGE_DIR, { recursive: true, force: true });
  if (!floor) return [];
  const passed = code === 0;
  const tally = { passed: Number(passed), failed: Number(!passed), skipped: 0 };
  return [{ tally, failures: passed ? [] : ['✘ coverage: under the floor of .c8rc.json, or not to be had'] }];
}

/** Prints what failed and the last line, and says how the process ends. */
function finish(outcomes: readonly Outcome[]): number {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { tally } of outcomes) {
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
  }
  process.stdout.write(`${recap(outcomes.flatMap(({ failures }) => failures))}${summary(total)}\n`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** The figures: see `test/bench`. */
async function bench(args: readonly string[]): Promise<number> {
  const environment = toolEnvironment({ KUBO_BINARY: await testKubo(process.stderr) });
  const step = { name: 'bench', command: process.execPath, args: [join(ROOT, 'test', 'bench', 'bench.ts'), ...args] };
  return run(step, environment, (chunk, stream) => process[stream].write(chunk));
}

/** Formats, and mends what can be mended without judgement. */
async function fix(): Promise<number> {
  return run({ name: 'fix', command: 'biome', args: ['check', '--write'] }, toolEnvironment(), (chunk, stream) =>
    process[stream].write(chunk),
  );
}

/** Writes every file that is made from another. */
async function generate(): Promise<number> {
  const { writeGenerated } = await import('./generate.ts');
  for (const file of await writeGenerated()) process.stdout.write(`${file}\n`);
  return 0;
}
