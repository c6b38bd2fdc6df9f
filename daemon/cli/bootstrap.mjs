#!/usr/bin/env node
// The way in for `fbpd`, `npm start` and `npm test`. Plain JavaScript that an older Node runs too: it installs the packages
// when they are missing or the lockfile has changed, finds a Node that runs TypeScript, and goes on there.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.fbpd-installed');
const WANTED_NODE = [22, 20];
/** As `daemon/cli/exit.ts` has it: the environment is wrong. */
const EXIT_ENVIRONMENT = 5;
/** Between making a lock and writing into it lies less than this. */
const UNSIGNED_MS = 5_000;

const args = process.argv.slice(2);
// Only the development tasks need the development packages: a server may be installed with `npm ci --omit=dev`.
ensurePackages(args[0] === 'task');
if (isRecent(process.versions.node)) await runHere();
else runIn(recentNode());

/** Installs the packages unless those that are there are the lockfile's. */
function ensurePackages(withDevelopment) {
  const lockfile = join(ROOT, 'package-lock.json');
  if (!existsSync(lockfile)) return; // a published package: npm has installed what it needs
  const text = readFileSync(lockfile, 'utf8');
  const digest = createHash('sha256').update(`${process.platform} ${process.arch} ${withDevelopment}\n`).update(text).digest('hex');
  if (isStamped(digest)) return;
  withInstallLock(() => {
    if (isStamped(digest)) return; // another process has just done it
    if (!agrees(JSON.parse(text), withDevelopment)) install();
    link();
    stamp(digest);
  });
}

function isStamped(digest) {
  try {
    return readFileSync(STAMP, 'utf8').split('\n').includes(digest);
  } catch {
    return false;
  }
}

function stamp(digest) {
  try {
    writeFileSync(STAMP, `${digest}\n`, { flag: 'a' });
  } catch {
    // Read-only, as under systemd: the packages are right, and the next start compares them again.
  }
}

/** True when npm's record of what it installed has every package of the lockfile, but for those of other platforms. */
function agrees(lock, withDevelopment) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(MODULES, '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    const mayBeAbsent = wanted.optional || wanted.devOptional || wanted.peer || (wanted.dev && !withDevelopment);
    return installed[path] === undefined ? mayBeAbsent : installed[path].version === wanted.version;
  });
}

function install() {
  process.stderr.write(`fbpd: installing packages into ${MODULES} (about a minute) …\n`);
  const npmArgs = ['ci', '--ignore-scripts', '--loglevel=error', '--no-audit', '--no-fund'];
  const ownNpm = process.env.npm_execpath?.endsWith('npm-cli.js') ? process.env.npm_execpath : undefined;
  const [command, commandArgs] = ownNpm === undefined ? ['npm', npmArgs] : [process.execPath, [ownNpm, ...npmArgs]];
  const result = spawnSync(command, commandArgs, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.error !== undefined) fail(`npm could not be started (${result.error.message}); install npm and start again`);
  if (result.status !== 0) fail(`\`npm ci\` failed in ${ROOT}; what it said stands above`);
}

/** `npx fbpd` looks for its own package's command among the installed ones. */
function link() {
  const target = join(MODULES, '.bin', 'fbpd');
  if (existsSync(target)) return;
  try {
    symlinkSync(join('..', '..', 'daemon', 'cli', 'bootstrap.mjs'), target);
  } catch {
    // Read-only, or no symbolic links here: `node daemon/cli/bootstrap.mjs` does the same.
  }
}

/** Two starts at once, as `npm start` and `npm test` in two shells, must not install over each other. */
function withInstallLock(work) {
  const lock = join(tmpdir(), `fbpd-install-${createHash('sha256').update(ROOT).digest('hex').slice(0, 16)}`);
  for (let waited = false; !tryLock(lock); waited = true) {
    if (!waited) process.stderr.write(`fbpd: another process installs the packages; waiting for it (it has ${lock})\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
  const unlock = () => rmSync(lock, { force: true });
  // `fail` ends the process from within.
  process.once('exit', unlock);
  work();
  process.off('exit', unlock);
  unlock();
}

function tryLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') return true; // no place for a lock is no reason not to start
    if (!holderLives(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function holderLives(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // One that nobody has signed yet, or never will: who made it may have died just then.
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs < UNSIGNED_MS;
    // In a container we have the number that we had before it was restarted.
    if (pid === process.pid) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isRecent(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > WANTED_NODE[0] || (major === WANTED_NODE[0] && minor >= WANTED_NODE[1]);
}

/** The Node that comes as one of the optional platform packages. */
function recentNode() {
  const bundled = join(MODULES, '.bin', 'node');
  if (existsSync(bundled)) return bundled;
  const platform = `${process.platform}-${process.arch}`;
  return fail(
    `needs Node ${WANTED_NODE.join('.')} or later; this is ${process.versions.node}, and none came with the packages for ${platform}`,
  );
}

async function runHere() {
  silenceTypeStripping();
  // Half of a start is compiling what was compiled before. (Coverage wants to see it compiled.)
  if (!process.env.NODE_V8_COVERAGE) module.enableCompileCache?.(join(MODULES, '.cache', 'node'));
  const [name, rest] = args[0] === 'task' ? ['test/tools/task', args.slice(1)] : ['daemon/cli/fbpd', args];
  // A published package is built to JavaScript: Node strips no types below node_modules.
  const file = [`${name}.ts`, `${name}.js`].map((candidate) => join(ROOT, candidate)).find((candidate) => existsSync(candidate));
  const { run } = await import(pathToFileURL(file ?? fail(`there is no ${name} in ${ROOT}`)).href);
  await run(rest);
}

/** Node 22 warns that it strips types; that is how this program is meant to run. Every other warning is shown. */
function silenceTypeStripping() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).startsWith('Type Stripping is an experimental feature')) emit.call(process, warning, ...rest);
  };
}

/** Goes on in another Node as if it were this process: same streams, same signals, same end. */
function runIn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' });
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, forward);
  // A terminal sends Ctrl-C to the child too; forwarding it would count as a second, impatient one.
  process.on('SIGINT', () => process.stdin.isTTY || forward('SIGINT'));
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`fbpd: ${message}\n`);
  process.exit(EXIT_ENVIRONMENT);
}
