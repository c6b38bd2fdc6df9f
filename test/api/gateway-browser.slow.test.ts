import { existsSync } from 'node:fs';

import test from 'ava';
import { chromium } from 'playwright-core';

import { createTestGateway } from '../fixtures/create-gateway.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'];
const run = CHROMIUM === undefined ? test.skip : test.serial;
const why = CHROMIUM === undefined ? ' (left out: there is no Chromium at the usual places)' : '';
const PATIENCE_MS = 120_000;

const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><script>fetch("/script-in-picture")</script></svg>';
const PAGE = `<!doctype html><title>before</title><style>p { color: rgb(1, 2, 3) }</style>
<p>text</p><img src="picture.svg" onerror="document.title='onerror'">
<script>document.title = 'script'; fetch('/script')</script>
<iframe src="/frame"></iframe><object data="/object"></object>
<form action="/form" method="post"><button>send</button></form>`;

run(`a page that somebody stored shows its text and pictures, and does nothing${why}`, async (t) => {
  t.timeout(PATIENCE_MS);
  const { url, alice, pin, tier } = await createTestGateway(t, { isPublic: true });
  const key = await pin(alice, 1);
  tier.answer = (req, res) => {
    const isPicture = req.url?.endsWith('.svg') === true;
    const body = isPicture ? PICTURE : PAGE;
    res.writeHead(200, { 'Content-Type': isPicture ? 'image/svg+xml' : 'text/html', 'Content-Length': body.length }).end(body);
  };
  const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: FLAGS });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${url}/ipfs/${key}/page.html`, { waitUntil: 'networkidle' });
  t.is(await page.title(), 'before', 'no script has run');
  await page.click('button');
  await page.waitForTimeout(500);
  const reached = tier.requests.map((request) => request.url);
  t.true(reached.includes(`/ipfs/${key}/picture.svg`), 'its picture was fetched');
  t.true(reached.every((path) => path === `/ipfs/${key}/page.html` || path === `/ipfs/${key}/picture.svg`));
  t.false(asked.includes('/script') || asked.includes('/script-in-picture') || asked.includes('/form'), asked.join());
  const picture = await page.waitForSelector('img');
  t.is((await picture.boundingBox())?.width, 7, 'and it is shown');
});
