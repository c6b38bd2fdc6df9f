import test, { type ExecutionContext } from 'ava';

import { FbpdError } from '../../daemon/domain/errors.ts';
import type { Found, ScanFilter, ScanReport, Scans } from '../../daemon/domain/scan.ts';
import { createColdAdmin } from '../fixtures/create-admin.ts';
import { type CliResult, runFbpd } from '../fixtures/run-fbpd.ts';

const FOUND: Found = {
  id: 'f01234567',
  chain: { id: 'f01234567', owner: 'f0103', worker: 'f0104', beneficiary: 'f0103', hosts: ['ch.example'], sectorSizeBytes: 2 ** 36 },
  ask: {
    priceAttoPerGibEpoch: 500_000_000n,
    verifiedPriceAttoPerGibEpoch: 0n,
    minPieceSizeBytes: 2 ** 34,
    maxPieceSizeBytes: 2 ** 36,
    expiryEpoch: 9_000_000,
  },
  country: 'CH',
  countryFrom: 'address',
  readEpoch: 100_000,
  over: 'https',
  tookMs: 80,
  trusted: false,
};
const TALLY = { miners: 600_000, looked: 1_200, powered: 40, nowhere: 3, hidden: 2, silent: 33, unusable: 1, answered: 1 };

async function setUp(
  t: ExecutionContext,
  report: Partial<ScanReport> | FbpdError,
): Promise<{ asked: ScanFilter[]; scan(...args: string[]): Promise<CliResult> }> {
  const { cold, socket } = await createColdAdmin(t);
  const asked: ScanFilter[] = [];
  const scans: Scans = {
    async run(filter, onProgress) {
      asked.push(filter);
      if (report instanceof FbpdError) throw report;
      onProgress(TALLY, FOUND);
      return { tally: TALLY, complete: false, found: [FOUND], ...report };
    },
  };
  cold.scans = scans;
  return { asked, scan: (...args) => runFbpd(['providers', 'scan', ...args, '--socket', socket]) };
}

test('what a scan finds is a table, with what became of the others and what to do next', async (t) => {
  const { scan, asked } = await setUp(t, {});
  const { code, stdout, stderr } = await scan('--country', 'CH', '--max-price', '0.5 nanoFIL', '--min-piece', '16GiB', '--limit', '5');
  t.is(code, 0, stderr);
  t.log(stdout);
  for (const line of stdout.split('\n')) t.true(line.length <= 100, line);
  t.regex(stdout, /f01234567 +f0103 +CH +64 GiB +0\.5 +16 GiB to 64 GiB +https +no\n/);
  t.regex(
    stdout.replaceAll(/\s+/g, ' '),
    /1200 of 600000 providers looked at; 40 asked now have power: 1 answered, 33 did not, .* The next scan goes on from here\./,
  );
  t.regex(stdout, /`fbpd providers trust ID`/);
  t.deepEqual(asked, [{ country: 'CH', maxPriceAtto: 500_000_000n, pieceBytes: 2 ** 34, limit: 5 }]);
  for (const [powered, words] of [
    [0, 'none with power was left to ask: '],
    [1, '1 asked now has power: '],
  ] as const) {
    const again = await (await setUp(t, { tally: { ...TALLY, powered } })).scan();
    t.true(again.stdout.replaceAll(/\s+/g, ' ').includes(`looked at; ${words}`), words);
  }
  const { stdout: json } = await scan('--json');
  t.like(JSON.parse(json), { complete: false, tally: TALLY, found: [{ id: 'f01234567', over: 'https', ask: { price: '500000000' } }] });
});

test('a scan that stops early shows what it has and fails; one that cannot begin says why', async (t) => {
  const broken = await (await setUp(t, { error: 'no answer from the node' })).scan();
  t.is(broken.code, 5);
  t.regex(broken.stdout, /f01234567/);
  t.regex(broken.stderr, /it stopped before its end: no answer from the node/);
  const busy = await (await setUp(t, new FbpdError('CONFLICT', 'another scan is under way: wait for its end'))).scan();
  t.not(busy.code, 0);
  t.regex(busy.stderr, /another scan is under way/);
  const { scan, asked } = await setUp(t, {});
  for (const args of [
    ['--country', 'Germany'],
    ['--max-price', 'cheap'],
    ['--min-piece', '1'],
    ['--limit', '0'],
  ])
    t.is((await scan(...args)).code, 2);
  t.deepEqual(asked, []);
});
