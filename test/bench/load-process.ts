import { randomBytes } from 'node:crypto';

import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { create } from 'multiformats/hashes/digest';
import { sha256 } from 'multiformats/hashes/sha2';

import { quantile } from './figures.ts';
import type { LoadReport, LoadSpec } from './load.ts';
import { RawConnection } from './raw-connection.ts';

/** Started by `runLoad`, told what to do in one message, answers in one. */

interface Sample {
  status: number;
  ms: number;
}

function newPin(number: number): object {
  const cid = CID.createV1(raw.code, create(sha256.code, randomBytes(32))).toString();
  return { cid, name: `backup/photos/IMG_${number}.jpg`, meta: { app_id: `app-${number % 100}` } };
}

async function call(spec: LoadSpec, token: string, onSample: (sample: Sample) => void, isOver: () => boolean): Promise<void> {
  const connection = new RawConnection(spec.url);
  let requestId = '';
  for (let turn = 0; !isOver(); turn++) {
    const request = spec.requests[turn % spec.requests.length] ?? 'post';
    const beganMs = performance.now();
    const { status, body } = await send(connection, request, token, turn, requestId);
    onSample({ status, ms: performance.now() - beganMs });
    if (request === 'post' && status === 202) requestId = JSON.parse(body.toString()).requestid;
  }
  connection.close();
}

function send(connection: RawConnection, request: LoadSpec['requests'][number], token: string, turn: number, requestId: string) {
  switch (request) {
    case 'post':
      return connection.request('POST', '/pins', token, newPin(turn));
    case 'get':
      return connection.request('GET', `/pins/${requestId}`, token);
    case 'list':
      return connection.request('GET', '/pins?status=queued,pinning,pinned,failed', token);
  }
}

async function run(spec: LoadSpec): Promise<LoadReport> {
  const samples: Sample[] = [];
  const beganMs = performance.now();
  const fromMs = beganMs + spec.warmupMs;
  const toMs = fromMs + spec.durationMs;
  let cpu = process.cpuUsage();
  setTimeout(() => {
    cpu = process.cpuUsage();
  }, spec.warmupMs);
  const onSample = (sample: Sample): void => {
    const nowMs = performance.now();
    if (nowMs >= fromMs && nowMs < toMs) samples.push(sample);
  };
  await Promise.all(spec.tokens.map((token) => call(spec, token, onSample, () => performance.now() >= toMs)));
  const used = process.cpuUsage(cpu);
  const times = samples.map(({ ms }) => ms);
  const refused: Record<string, number> = {};
  for (const { status } of samples) if (status >= 300) refused[status] = (refused[status] ?? 0) + 1;
  return {
    refused,
    requests: samples.length,
    perSecond: (samples.length / spec.durationMs) * 1_000,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: quantile(times, 1),
    callerCpuPercent: ((used.user + used.system) / 1_000 / spec.durationMs) * 100,
  };
}

process.once('message', (spec: LoadSpec) => {
  run(spec).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      process.stderr.write(`callers: ${error instanceof Error ? error.stack : error}\n`);
      process.exit(1);
    },
  );
});
