import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import test, { type ExecutionContext } from 'ava';

import { createTestApi } from '../fixtures/create-api.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGE = '@ipfs-shipyard/pinning-service-compliance';
/** It sends one request a second, about fifty of them. */
const PATIENCE_MS = 300_000;

interface Report {
  total: number;
  passed: number;
  failed: number;
  success: boolean;
}

/**
 * A copy of the installed suite whose specification is our YAML. Without that it would fetch it from the internet, and leave
 * four of its nine checks out in silence when it can't.
 */
async function copySuite(t: ExecutionContext, specUrl: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-conformance-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const installed = join(ROOT, 'node_modules', PACKAGE);
  await cp(installed, dir, { recursive: true, filter: (source) => source !== join(installed, 'node_modules') });
  await linkDependencies(dir, installed);
  const constants = join(dir, 'dist/src/utils/constants.js');
  const code = await readFile(constants, 'utf8');
  const pointed = code.replace(/^const specLocation = .*$/m, `const specLocation = ${JSON.stringify(specUrl)};`);
  t.not(pointed, code, 'the suite still has its specLocation where we look for it');
  await writeFile(constants, pointed);
  await writeFile(join(dir, 'old-util.cjs'), OLD_UTIL);
  return dir;
}

/** Node looks upwards from the suite's files: first its own dependencies, where npm nested some, then ours. */
async function linkDependencies(dir: string, installed: string): Promise<void> {
  await symlink(join(installed, 'node_modules'), join(dir, 'dist', 'node_modules'), 'dir');
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'), 'dir');
}

/** What Node 23 took out of `util` and a dependency of the suite still calls. */
const OLD_UTIL = `const util = require('node:util');
util.isArray = Array.isArray;
util.isObject = (value) => value !== null && typeof value === 'object';
util.isFunction = (value) => typeof value === 'function';
util.isNumber = (value) => typeof value === 'number';
util.isUndefined = (value) => value === undefined;
`;

async function serveSpec(t: ExecutionContext): Promise<string> {
  const yaml = await readFile(join(ROOT, 'spec/pinning.yaml'));
  const server = createServer((_req, res) => res.end(yaml)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ipfs-pinning-service.yaml`;
}

function run(dir: string, url: string, secret: string): Promise<string> {
  return new Promise((resolve) => {
    const args = ['--require', join(dir, 'old-util.cjs'), join(dir, 'dist/src/index.js'), '-s', url, secret];
    execFile(process.execPath, args, { cwd: dir, timeout: PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

test('the official conformance suite passes all nine of its checks', async (t) => {
  t.timeout(PATIENCE_MS);
  const { url, user } = await createTestApi(t);
  const dir = await copySuite(t, await serveSpec(t));
  const output = await run(dir, url, user.secret);
  // Its exit code is 0 whatever happened: the report is what counts.
  const report: Report = JSON.parse(await readFile(join(dir, 'dist/docs/127.0.0.1.json'), 'utf8').catch(() => '{}'));
  t.deepEqual(report, { total: 9, passed: 9, failed: 0, success: true }, output.slice(-8000));
});
