import { Agent, request } from 'node:http';

import test from 'ava';
import fc from 'fast-check';

import { arbitraryRequest, type FuzzRequest } from '../fixtures/arbitrary-request.ts';
import { createTestApi } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { openSocket, parseReply, readAll } from '../fixtures/raw-http.ts';
import { type Exchange, replyProblems, requestProblems } from '../fixtures/spec-check.ts';

const REQUESTS = 12_000;
const RAW_REQUESTS = 500;
const PATIENCE_MS = 600_000;
/** A token may be wrong in as many ways as the fuzzer likes. */
const UNLIMITED = { requestsPerSecond: 0, badTokensPerMinute: 0 };

function send(url: string, agent: Agent, fuzz: FuzzRequest): Promise<Exchange> {
  const target = fuzz.query === '' ? fuzz.path : `${fuzz.path}?${fuzz.query}`;
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const headers = fuzz.body === undefined ? fuzz.headers : { ...fuzz.headers, 'Content-Length': String(fuzz.body.length) };
    const req = request({ host: hostname, port, path: target, method: fuzz.method, headers, agent }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () =>
        resolve({
          method: fuzz.method,
          target,
          requestBody: fuzz.body === undefined ? undefined : Buffer.from(fuzz.body).toString(),
          status: res.statusCode ?? 0,
          contentType: res.headers['content-type'],
          body: Buffer.concat(chunks).toString(),
        }),
      );
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(fuzz.body);
  });
}

/** Wrong under the specification and taken on purpose; each is documented where it is done. */
const LENIENT = /additional properties|is there \d+ times|must match format "date-time"/;

function problemsOf(exchange: Exchange, fuzz: FuzzRequest): string[] {
  if (exchange.method === 'OPTIONS' && exchange.status === 204) return [];
  const problems = replyProblems({ ...exchange, target: exchange.target.startsWith('/') ? exchange.target : '/elsewhere' });
  if (exchange.status >= 500) problems.push(`status ${exchange.status}`);
  if (fuzz.valid && exchange.status >= 300) problems.push(`a valid request got ${exchange.status}`);
  if (exchange.status < 300) problems.push(...requestProblems(exchange).filter((problem) => !LENIENT.test(problem)));
  return problems;
}

test(`${REQUESTS} requests of all kinds: no 5xx, every reply as the specification has it, nothing wrong taken`, async (t) => {
  t.timeout(PATIENCE_MS);
  const { url, user, accounts, addUser } = await createTestApi(t, { limits: UNLIMITED, cors: { origins: ['https://app.example.org'] } });
  const reader = await addUser('reader', ['pins:read']);
  const suspended = await addUser('suspended');
  await accounts.setState(suspended.account.id, 'suspended');
  const requestIds: string[] = [];
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const seen = new Map<number, number>();

  const world = {
    good: `Bearer ${user.secret}`,
    others: [`Bearer ${reader.secret}`, `bearer ${suspended.secret}`, 'Bearer nobody', ''],
    requestIds: () => requestIds.slice(-20),
  };
  await fc.assert(
    fc.asyncProperty(arbitraryRequest(world), async (fuzz) => {
      const exchange = await send(url, agent, fuzz);
      seen.set(exchange.status, (seen.get(exchange.status) ?? 0) + 1);
      if (exchange.status === 202 && exchange.body !== '') requestIds.push(JSON.parse(exchange.body).requestid);
      const problems = problemsOf(exchange, fuzz);
      if (problems.length > 0) throw new Error(`${problems.join('; ')}: ${exchange.status} ${exchange.body.slice(0, 500)}`);
    }),
    { numRuns: REQUESTS, includeErrorInReport: true },
  );
  t.log(Object.fromEntries([...seen].sort(([a], [b]) => a - b)));
  for (const status of [200, 202, 400, 401, 403, 404, 405, 413, 415]) t.true((seen.get(status) ?? 0) > 0, `some request got ${status}`);
});

test(`${RAW_REQUESTS} requests with bytes gone wrong: a spec-shaped reply or none, and the server lives`, async (t) => {
  t.timeout(PATIENCE_MS);
  const { url, user } = await createTestApi(t, { limits: { ...UNLIMITED, headersTimeoutMs: 300, requestTimeoutMs: 500 } });
  const body = JSON.stringify({ cid: createCid('raw').toString() });
  const whole = Buffer.from(
    `POST /pins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.secret}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const spoilt = fc
    .tuple(fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { maxLength: 4 }), fc.nat({ max: whole.length }))
    .map(([changes, length]) => {
      const bytes = Buffer.from(whole);
      for (const [at, to] of changes) bytes[at] = to;
      return bytes.subarray(0, length);
    });
  const talk = async (bytes: Uint8Array) => {
    const socket = openSocket(url);
    socket.end(bytes);
    const text = await readAll(socket);
    if (text === '') return;
    const reply = parseReply(text);
    const exchange = {
      method: 'POST',
      target: '/pins',
      status: reply.status,
      contentType: reply.headers['content-type'],
      body: reply.body,
    };
    const problems = replyProblems(exchange);
    if (problems.length > 0 || reply.status >= 500) throw new Error(`${problems.join('; ')}: ${text}`);
  };
  // Eight at a time: many of these end only by a time-out.
  await fc.assert(
    fc.asyncProperty(fc.array(spoilt, { minLength: 8, maxLength: 8 }), async (batch) => {
      await Promise.all(batch.map(talk));
    }),
    { numRuns: Math.ceil(RAW_REQUESTS / 8), endOnFailure: true, includeErrorInReport: true },
  );
  t.is((await user.call('GET', '/pins')).status, 200);
});
