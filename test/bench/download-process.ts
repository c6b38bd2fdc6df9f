import { Agent, type IncomingMessage, request } from 'node:http';

import type { DownloadReport, DownloadSpec } from './download.ts';
import { quantile } from './figures.ts';

/** Started by `runDownloads`, told what to do in one message, answers in one. */

const MIB = 2 ** 20;
/** Not measured; of large contents one is enough. */
const WARM_UP_MAX = 20;
const WARM_UP_BYTES = 256 * MIB;

function download({ target, path, range, bytes }: DownloadSpec, agent: Agent): Promise<void> {
  const { token, ...where } = target;
  const headers = {
    host: '127.0.0.1',
    ...(range === undefined ? {} : { range }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () => {
        const isWanted = response.statusCode === (range === undefined ? 200 : 206) && received === bytes;
        if (isWanted) resolve();
        else reject(new Error(`${path}: ${response.statusCode} with ${received} bytes instead of ${bytes}`));
      });
    };
    request({ ...where, path, agent, headers }, onResponse)
      .on('error', reject)
      .end();
  });
}

async function run(spec: DownloadSpec): Promise<DownloadReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const warmUps = Math.max(1, Math.min(WARM_UP_MAX, Math.floor(WARM_UP_BYTES / spec.bytes)));
  for (let i = 0; i < warmUps; i++) await download(spec, agent);
  const tookMs: number[] = [];
  const beganMs = performance.now();
  while (tookMs.length < spec.downloads) {
    const fromMs = performance.now();
    await download(spec, agent);
    tookMs.push(performance.now() - fromMs);
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  agent.destroy();
  return {
    mibPerSecond: (spec.bytes * spec.downloads) / MIB / seconds,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    bytes: spec.bytes * (spec.downloads + warmUps),
  };
}

process.once('message', (spec: DownloadSpec) => {
  run(spec).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      process.stderr.write(`${error}\n`);
      process.exitCode = 1;
      process.disconnect();
    },
  );
});
