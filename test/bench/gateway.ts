import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { kuboFiles } from '../../daemon/hot/kubo-repo.ts';
import { createClient } from '../fixtures/create-client.ts';
import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { poll } from '../fixtures/poll.ts';
import { type DownloadReport, type DownloadTarget, runDownloads } from './download.ts';
import { type Figure, quantile } from './figures.ts';
import type { Workspace } from './workspace.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

interface Shape {
  name: string;
  bytes: number;
  /** `[from, to]`, both included. */
  range?: readonly [number, number];
  /** Of one round. */
  downloads: number;
  /** Small ones are looked at for the time they take, large ones for their speed. */
  looksAt: 'latency' | 'speed';
}

const SHAPES: readonly Shape[] = [
  { name: '1 KiB', bytes: KIB, downloads: 500, looksAt: 'latency' },
  { name: '1 KiB out of 1 GiB', bytes: GIB, range: [GIB / 2, GIB / 2 + KIB - 1], downloads: 300, looksAt: 'latency' },
  { name: '1 MiB', bytes: MIB, downloads: 200, looksAt: 'speed' },
  { name: '256 MiB out of 1 GiB', bytes: GIB, range: [GIB / 4, GIB / 2 - 1], downloads: 3, looksAt: 'speed' },
  { name: '1 GiB', bytes: GIB, downloads: 2, looksAt: 'speed' },
];
const QUICK_SHAPES: readonly Shape[] = [
  { name: '1 KiB', bytes: KIB, downloads: 5, looksAt: 'latency' },
  { name: '1 MiB', bytes: MIB, downloads: 5, looksAt: 'speed' },
];
const ROUNDS = 5;
const QUICK_ROUNDS = 1;
const WANTED_ADDED_MS = 2;
const WANTED_SHARE = 0.8;
/** Faster than that nobody asks of us, however fast kubo is. */
const ENOUGH_MIB_PER_SECOND = 300;
const PINNED_WITHIN_MS = 300_000;
/** Of `/proc/PID/stat`, which Linux gives to all programs alike. */
const TICKS_PER_SECOND = 100;

/** A hot content through our gateway, and the same from the gateway of the same kubo: one connection, turn and turn about. */
export async function benchGateway(workspace: Workspace): Promise<Figure[]> {
  const shapes = workspace.quick ? QUICK_SHAPES : SHAPES;
  const peer = await workspace.kubo();
  const daemon = await workspace.daemon();
  const token = await daemon.createToken('reader', ['retrieve']);
  const client = createClient(daemon.apiUrl, token);
  const cids = new Map<number, string>();
  for (const bytes of new Set(shapes.map((shape) => shape.bytes))) {
    const cid = await peer.addBytes(randomBytes(bytes), { cidVersion: 1 });
    const { requestid } = await client.add({ cid, origins: peer.swarmAddresses });
    await poll(`${bytes} bytes are pinned`, PINNED_WITHIN_MS, async () => (await client.get(requestid)).status === 'pinned');
    workspace.say(`${bytes} bytes are pinned`);
    cids.set(bytes, cid);
  }
  await peer.stop();
  const { hostname, port } = new URL(daemon.gatewayUrl());
  const ours: DownloadTarget = { host: hostname, port: Number(port), token };
  const kubos: DownloadTarget = { socketPath: kuboFiles(daemon.stateDir).gatewaySocket };
  const figures: Figure[] = [];
  for (const shape of shapes) {
    const measured = await compare(workspace, daemon, { ours, kubos, shape, path: `/ipfs/${cids.get(shape.bytes)}` });
    for (const figure of measured) workspace.say(`${figure.name}: ${figure.value.toFixed(2)} ${figure.unit}`);
    figures.push(...measured);
  }
  await daemon.stop();
  return figures;
}

interface Compared {
  ours: DownloadTarget;
  kubos: DownloadTarget;
  shape: Shape;
  path: string;
}

async function compare({ quick }: Workspace, daemon: TestDaemon, { ours, kubos, shape, path }: Compared): Promise<Figure[]> {
  const { name, bytes, range, downloads, looksAt } = shape;
  const wantedBytes = range === undefined ? bytes : range[1] - range[0] + 1;
  const spec = { path, downloads, bytes: wantedBytes, ...(range === undefined ? {} : { range: `bytes=${range.join('-')}` }) };
  const through: DownloadReport[] = [];
  const direct: DownloadReport[] = [];
  let cpuSeconds = 0;
  for (let round = 0; round < (quick ? QUICK_ROUNDS : ROUNDS); round++) {
    const theirs = async (): Promise<unknown> => direct.push(await runDownloads({ ...spec, target: kubos }));
    if (round % 2 === 1) await theirs();
    const before = await cpuSecondsOf(daemon.pid());
    through.push(await runDownloads({ ...spec, target: ours }));
    cpuSeconds += (await cpuSecondsOf(daemon.pid())) - before;
    if (round % 2 === 0) await theirs();
  }
  const median = (reports: readonly DownloadReport[], of: (report: DownloadReport) => number): number => quantile(reports.map(of), 0.5);
  if (looksAt === 'latency') {
    const kubosMs = median(direct, ({ p50Ms }) => p50Ms);
    return [
      {
        name: `through our gateway, ${name}, p50`,
        value: median(through, ({ p50Ms }) => p50Ms),
        unit: 'ms',
        wanted: { atMost: kubosMs + WANTED_ADDED_MS },
        baseline: { name: "kubo's gateway, p50", value: kubosMs },
        more: { p99: median(through, ({ p99Ms }) => p99Ms), "kubo's p99": median(direct, ({ p99Ms }) => p99Ms) },
      },
    ];
  }
  const kubosSpeed = median(direct, ({ mibPerSecond }) => mibPerSecond);
  const speed: Figure = {
    name: `through our gateway, ${name}`,
    value: median(through, ({ mibPerSecond }) => mibPerSecond),
    unit: 'MiB/s',
    wanted: { atLeast: Math.min(ENOUGH_MIB_PER_SECOND, kubosSpeed * WANTED_SHARE) },
    baseline: { name: "kubo's gateway", value: kubosSpeed },
  };
  // The downloads that warm a process up are served as well.
  const servedGib = through.reduce((sum, report) => sum + report.bytes, 0) / GIB;
  const cpu: Figure = { name: `CPU of the daemon for a GiB, ${name}`, value: cpuSeconds / servedGib, unit: 's' };
  return process.platform === 'linux' ? [speed, cpu] : [speed];
}

/** User and system time that a process has taken; 0 where there is no `/proc`. */
async function cpuSecondsOf(pid: number): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold anything: state is the third field, utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
