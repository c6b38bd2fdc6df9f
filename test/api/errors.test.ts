import { PassThrough } from 'node:stream';

import test from 'ava';
import Koa from 'koa';
import { pino } from 'pino';

import { type ErrorsOptions, errors } from '../../api/errors.ts';
import { type ErrorCode, FbpdError } from '../../daemon/domain/errors.ts';

interface Answer {
  status: number;
  headers: Headers;
  json: { error: { reason: string; details?: string } };
  log: string;
}

/** What a request gets whose handler throws, and what is logged meanwhile. */
async function answerTo(thrown: unknown, options: Partial<ErrorsOptions> = {}): Promise<Answer> {
  const lines = new PassThrough();
  const app = new Koa();
  app.use(errors({ log: pino({}, lines), newId: () => 'id-1', ...options }));
  app.use(() => {
    throw thrown;
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const response = await fetch(`http://127.0.0.1:${port}/pins?secret=1`);
  const answer = { status: response.status, headers: response.headers, json: (await response.json()) as Answer['json'] };
  server.closeAllConnections();
  server.close();
  return { ...answer, log: String(lines.read() ?? '') };
}

const EXPECTED: [ErrorCode, status: number, retryAfter: string | null][] = [
  ['BAD_REQUEST', 400, null],
  ['ACCOUNT_SUSPENDED', 403, null],
  ['NOT_FOUND', 404, null],
  ['CONFLICT', 409, null],
  ['TOO_MANY_REQUESTS', 429, '1'],
  ['CID_BLOCKED', 451, null],
  ['UNAVAILABLE', 503, '5'],
  ['STORAGE_FULL', 507, '30'],
];

test('domain errors have their status, their code as reason and their message as details', async (t) => {
  for (const [code, status, retryAfter] of EXPECTED) {
    const answer = await answerTo(new FbpdError(code, `what happened with ${code}`));
    t.is(answer.status, status, code);
    t.deepEqual(answer.json, { error: { reason: code, details: `what happened with ${code}` } });
    t.is(answer.headers.get('retry-after'), retryAfter, code);
  }
});

test('details are left out rather than empty', async (t) => {
  t.deepEqual((await answerTo(new FbpdError('NOT_FOUND', ''))).json, { error: { reason: 'NOT_FOUND' } });
});

test('an I/O error of the store is a 503 that says nothing of files', async (t) => {
  const answer = await answerTo(new FbpdError('STORE_IO', 'EIO on /var/lib/fbpd/store/000123.log'));
  t.is(answer.status, 503);
  t.is(answer.json.error.reason, 'UNAVAILABLE');
  t.false(JSON.stringify(answer.json).includes('/var/lib'));
  t.true(answer.log.includes('000123.log'));
});

test('the unexpected is a 500 with an id; message and stack are in the log alone', async (t) => {
  for (const thrown of [new Error('the secret is 42'), new FbpdError('STORE_DAMAGED', 'the secret is 42'), 'the secret is 42']) {
    const answer = await answerTo(thrown);
    t.is(answer.status, 500);
    t.is(answer.json.error.reason, 'INTERNAL_SERVER_ERROR');
    t.regex(answer.json.error.details ?? '', /id-1/);
    t.false(JSON.stringify(answer.json).includes('42'));
    t.true(answer.log.includes('id-1') && answer.log.includes('42'));
    t.false(answer.log.includes('secret=1'), 'queries hold names, which are not for the log');
  }
});

test('a listener for the operator shows what went wrong', async (t) => {
  const answer = await answerTo(new FbpdError('STORE_DAMAGED', 'the store has lost its CURRENT file'), { revealInternals: true });
  t.is(answer.status, 500);
  t.is(answer.json.error.reason, 'STORE_DAMAGED');
  t.regex(answer.json.error.details ?? '', /CURRENT.*id-1/);
});
