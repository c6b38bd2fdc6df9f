import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import test, { type ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';

import { createTestApi, type TestApi } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const CID = createCid('from a page').toString();
const PATIENCE_MS = 120_000;

const run = CHROMIUM === undefined ? test.skip : test.serial;
const why = CHROMIUM === undefined ? ' (left out: there is no Chromium at the usual places)' : '';

/** Serves an empty page; its origin is the reply. `localhost` and `127.0.0.1` are different origins, whatever the port. */
async function servePage(t: ExecutionContext): Promise<string> {
  const server = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>app</title>'));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function openPage(t: ExecutionContext, origin: string): Promise<Page> {
  const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: FLAGS });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(origin);
  return page;
}

interface Seen {
  status: number;
  body: string;
  retryAfter: string | null;
}

/** A `fetch` made by the page: what its script gets to see, or `undefined` where the browser keeps the reply from it. */
function fetchInPage(page: Page, api: TestApi, method: string, path: string, body?: object): Promise<Seen | undefined> {
  const request = { url: api.url + path, method, secret: api.user.secret, body: body === undefined ? null : JSON.stringify(body) };
  return page.evaluate(async (sent) => {
    try {
      const headers = { Authorization: `Bearer ${sent.secret}`, 'Content-Type': 'application/json' };
      const reply = await fetch(sent.url, { method: sent.method, headers, body: sent.body });
      return { status: reply.status, body: await reply.text(), retryAfter: reply.headers.get('Retry-After') };
    } catch {
      return undefined;
    }
  }, request);
}

run(`a page of an origin in the config adds, lists, replaces and removes, over preflights${why}`, async (t) => {
  t.timeout(PATIENCE_MS);
  const origin = await servePage(t);
  const api = await createTestApi(t, { cors: { origins: [origin] } });
  const page = await openPage(t, origin);
  const added = await fetchInPage(page, api, 'POST', '/pins', { cid: CID, name: 'page' });
  t.is(added?.status, 202);
  const { requestid } = JSON.parse(added?.body ?? '{}');
  const listed = await fetchInPage(page, api, 'GET', '/pins?name=page');
  t.is(listed?.status, 200);
  t.is(JSON.parse(listed?.body ?? '{}').count, 1);
  const replaced = await fetchInPage(page, api, 'POST', `/pins/${requestid}`, { cid: CID });
  t.is(replaced?.status, 202);
  const removed = await fetchInPage(page, api, 'DELETE', `/pins/${JSON.parse(replaced?.body ?? '{}').requestid}`);
  t.is(removed?.status, 202);
  const gone = await fetchInPage(page, api, 'GET', `/pins/${requestid}`);
  t.is(gone?.status, 404, 'refusals can be read too');
});

run(`a page can read how long to wait${why}`, async (t) => {
  t.timeout(PATIENCE_MS);
  const origin = await servePage(t);
  const api = await createTestApi(t, { cors: { origins: ['*'] }, limits: { requestsPerSecond: 0.1 } });
  const page = await openPage(t, origin);
  t.is((await fetchInPage(page, api, 'GET', '/pins'))?.status, 200);
  const limited = await fetchInPage(page, api, 'GET', '/pins');
  t.is(limited?.status, 429);
  t.true(Number(limited?.retryAfter) > 0);
});

run(`a page of another origin gets nothing, and adds nothing${why}`, async (t) => {
  t.timeout(PATIENCE_MS);
  const api = await createTestApi(t, { cors: { origins: ['https://app.example.org'] } });
  const page = await openPage(t, await servePage(t));
  t.is(await fetchInPage(page, api, 'POST', '/pins', { cid: CID }), undefined);
  t.is(await fetchInPage(page, api, 'GET', '/pins'), undefined);
  t.is((await api.user.call('GET', `/pins?cid=${CID}`)).json.count, 0);
});
