import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { EXIT } from '../../daemon/cli/exit.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { compare, Ledger, listAll } from './ledger.ts';

/** The calls that are let through before the disk breaks: of each thread, since that is how strace counts. */
const CALLS_BEFORE = 12;
const CALLERS = 4;
const MOST_REQUESTS = 2_000;
/** The store's logs by their names to be. */
const LOGS = Array.from({ length: 80 }, (_, index) => `${String(index).padStart(6, '0')}.log`);

const withStrace = hasStrace() ? test : test.skip;

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-D', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=fdatasync:error=EIO:when=1000+', 'true']);
    return true;
  } catch {
    return false;
  }
}

withStrace(
  'when syncing the store fails, the daemon ends and has acknowledged nothing that is lost (skipped where strace cannot trace)',
  async (t) => {
    await breakTheDisk(t, () => ['-e', 'trace=fdatasync', '-e', `inject=fdatasync:error=EIO:when=${CALLS_BEFORE}+`]);
  },
);

withStrace(
  'when writing to the store fails, the daemon ends and has acknowledged nothing that is lost (skipped where strace cannot trace)',
  async (t) => {
    await breakTheDisk(t, (storeDir) => [
      ...LOGS.flatMap((name) => ['-P', join(storeDir, name)]),
      '-e',
      'trace=write',
      '-e',
      `inject=write:error=EIO:when=${CALLS_BEFORE}+`,
    ]);
  },
);

async function breakTheDisk(t: ExecutionContext, fault: (storeDir: string) => readonly string[]): Promise<void> {
  const daemon = await createDaemon(t);
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const ledger = new Ledger();
  let refused = 0;
  let acceptedLate = 0;
  async function add(name: string): Promise<boolean> {
    const wish = { cid: createCid(name).toString(), name, meta: { kept: 'yes' } };
    const broken = refused > 0;
    const reply = await client.call('POST', '/pins', wish).catch(() => undefined);
    if (reply?.status !== 202) {
      refused += 1;
      if (reply === undefined) ledger.doubt({ kind: 'add', account: 'ada', wish });
      else t.true([503, 507].includes(reply.status), `${reply.status}`);
      return reply !== undefined;
    }
    if (broken) acceptedLate += 1;
    ledger.added('ada', wish, reply.body);
    return true;
  }
  for (let index = 0; index < 5; index += 1) await add(`before ${index}`);

  await daemon.stop();
  // Traced from the grandchild on, so that the daemon itself is ours to wait for.
  const wrapper = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', ...fault(join(daemon.stateDir, 'store'))];
  await daemon.start({ wrapper });
  const caller = async (name: string): Promise<void> => {
    for (let index = 0; index < MOST_REQUESTS && (await add(`${name} ${index}`)); index += 1);
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, index) => caller(`caller ${index}`)));
  t.true(refused > 0, 'the disk never broke');
  t.is(acceptedLate, 0, 'accepted after the fault');
  t.deepEqual(await daemon.exited(), { code: EXIT.environment, signal: null });
  const said = daemon
    .log()
    .split('\n')
    .filter((line) => line.startsWith('fbpd: store'));
  t.is(said.length, 1);
  t.regex(said[0] ?? '', /an I\/O error in .*store: .*Input\/output error.*start it again/);
  t.log(`${ledger.present.size} accepted before the fault, ${refused} refused after it`);

  await daemon.start();
  const listed = await listAll(t, client);
  ledger.settle(t, listed);
  compare(t, ledger, listed);
  t.is((await daemon.cli('check')).code, 0);
}
