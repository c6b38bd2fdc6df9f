import { randomUUID } from 'node:crypto';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';

import type Router from '@koa/router';

import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import type { Content } from '../daemon/domain/content.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { PinStore } from '../daemon/domain/ports.ts';
import type { HttpTarget, Reading, Retrieval } from '../daemon/domain/retrieval-ports.ts';
import type { Log } from '../daemon/log.ts';
import type { AdminValidators } from './admin-validate.ts';
import { badGateway, type Failure, failureOf } from './errors.ts';
import { Asking, Insistence } from './gateway-asking.ts';
import { retrievalRefusal } from './gateway-help.ts';
import { Patience } from './gateway-patience.ts';
import { badField } from './validate.ts';

export interface AdminContentOptions {
  pins: PinStore;
  /** Where the hot tier's gateway listens; undefined while it is down, or has none. */
  hotGateway?: () => HttpTarget | undefined;
  /** Brings back what is not hot; without it only what is hot can be read. */
  retrieval?: Retrieval;
  validators: AdminValidators;
  log: Log;
}

/** A sentence of kubo's is all that is wanted of a page of its. */
const REFUSAL_CHARS = 300;
/** See {@link Asking}: an archive cannot be gone on with in its middle. */
const STUCK_MS = 60_000;
/** Whoever is told asks at once. */
const FAILURES_MAX = 64;

/**
 * `GET /admin/content/{cid}`: what is pinned, for whomever. A reply that breaks off ends in a reset, which has no words:
 * `GET /admin/readings/{reading}` says afterwards why.
 */
export function addContentRoutes(router: Router, { pins, hotGateway, retrieval, validators, log }: AdminContentOptions): void {
  if (hotGateway === undefined) return;
  const failures = new Map<string, Failure>();

  function breakOff(res: ServerResponse, reading: string, error: Error): void {
    if (!res.destroyed) failures.set(reading, failureOf(error, log));
    for (const oldest of [...failures.keys()].slice(0, -FAILURES_MAX)) failures.delete(oldest);
    res.destroy();
  }

  router.get('/admin/content/:cid', async (ctx) => {
    const key = contentKeyOf(parseCid(ctx.params.cid ?? ''));
    const { path = '' } = validators.query('readContent', ctx.querystring);
    const names = namesIn(path);
    const content = await pins.content(key);
    if (content === undefined || content.pins === 0) throw new FbpdError('NOT_FOUND', `nobody has pinned ${key} here`, { subject: 'cid' });
    const isHot = content.hot === 'pinned';
    // What was given up lacks something, and whoever waits for that would see the reply break off.
    if (!isHot && (retrieval === undefined || content.hot === 'failed')) throw notHere(content);
    const target = hotGateway();
    if (target === undefined) throw new FbpdError('UNAVAILABLE', 'the hot tier is not up');

    const asking = new Asking();
    ctx.res.once('close', () => asking.end());
    // A hot content is not announced as read either: what the operator fetches is no popularity.
    const reading = isHot ? undefined : retrieval?.read(key, 'whole');
    ctx.res.once('close', () => reading?.release());
    const where = ['', 'ipfs', key, ...names.map(encodeURIComponent)].join('/');
    const insistence = new Insistence(asking);
    const asked = asking.reply((signal) => get(target, `${where}?format=tar`, signal));
    const reply = await orFailed(asked, reading)
      .catch((error: unknown) => {
        asking.end();
        throw retrievalRefusal(error);
      })
      .finally(() => insistence.end());
    if (reply.statusCode !== 200) throw await refusalOf(reply, path);
    ctx.type = 'application/x-tar';
    if (content.sizeBytes !== undefined && names.length === 0) ctx.set('Fbpd-Content-Bytes', String(content.sizeBytes));
    const id = randomUUID();
    ctx.set('Fbpd-Reading', id);
    // Broken off there, broken off here. What could not be finished ends as if it were whole, but for this.
    reply.once('error', (error) => breakOff(ctx.res, id, badGateway(`the hot tier broke off: ${error.message}`)));
    reply.once('end', () => {
      const flaw = reply.trailers['x-stream-error'];
      if (flaw !== undefined) breakOff(ctx.res, id, badGateway(`the hot tier broke off: ${flaw}`));
    });
    reading?.failed.catch((error: unknown) => {
      // All of it has come already: what failed is to keep it here.
      if (reply.complete) return;
      breakOff(ctx.res, id, retrievalRefusal(error));
      reply.destroy();
    });
    const watch = whenStuck(reply, ctx.res, reading, () => {
      const seconds = STUCK_MS / 1_000;
      breakOff(ctx.res, id, badGateway(`the hot tier has given nothing for ${seconds} s, though all of it is here; ask for it again`));
      reply.destroy();
    });
    ctx.res.once('close', () => watch.end());
    ctx.body = reply;
    // At once, as what breaks off before its first byte is to have a name too.
    ctx.flushHeaders();
  });

  router.get('/admin/readings/:reading', (ctx) => {
    const failure = failures.get(ctx.params.reading ?? '');
    if (failure === undefined) throw new FbpdError('NOT_FOUND', 'nothing is known of it here any more', { subject: 'reading' });
    ctx.body = failure;
  });
}

/** Calls back when the tier has everything, the reader takes everything, and nothing comes all the same. */
function whenStuck(reply: IncomingMessage, res: ServerResponse, reading: Reading | undefined, onStuck: () => void): Patience {
  let isHere = reading === undefined;
  void reading?.here.then(() => {
    isHere = true;
  });
  const patience = new Patience({
    limitMs: () => (isHere && !res.writableNeedDrain ? STUCK_MS : Number.POSITIVE_INFINITY),
    graceMs: STUCK_MS,
    onGrace: () => undefined,
    onOver: onStuck,
  });
  reply.on('data', () => patience.moved());
  return patience;
}

function notHere({ key, hot, reason }: Content): FbpdError {
  const why = reason === undefined ? '' : `: ${reason.text}`;
  const text = hot === 'failed' ? `the pin of ${key} has failed${why}` : `${key} is pinned, but not here, its hot copy is ${hot}${why}`;
  return new FbpdError('NOT_FOUND', text, { subject: 'cid' });
}

/** @throws FbpdError `BAD_REQUEST` for what does not go down. */
function namesIn(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  if (names.some((name) => name === '.' || name === '..' || name.includes('\0'))) throw badField('path', 'must not have . or .. in it');
  return names;
}

async function orFailed<T>(promise: Promise<T>, reading: Reading | undefined): Promise<T> {
  return reading === undefined ? await promise : await Promise.race([promise, reading.failed]);
}

/** Resolves with the reply's head. Rejects with `UNAVAILABLE` when there is none. */
function get(target: HttpTarget, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const options = { path, signal, headers: { host: '127.0.0.1', accept: 'application/x-tar' } };
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void =>
      reject(new FbpdError('UNAVAILABLE', `the hot tier does not answer: ${cause.message}`, { cause }));
    const call =
      'socketPath' in target
        ? request({ ...options, socketPath: target.socketPath })
        : (target.url.protocol === 'https:' ? secureRequest : request)(new URL(path, target.url), { ...options, path });
    call.once('response', resolve).on('error', refuse).end();
  });
}

async function refusalOf(reply: IncomingMessage, path: string): Promise<FbpdError> {
  const status = reply.statusCode ?? 0;
  const said = (await text(reply).catch(() => '')).trim().slice(0, REFUSAL_CHARS);
  if (status === 404) return new FbpdError('NOT_FOUND', `there is no ${JSON.stringify(path)} in it`, { subject: 'path' });
  if (status >= 400 && status < 500) return new FbpdError('BAD_REQUEST', `it cannot be read as files: ${said}`, { subject: 'cid' });
  return new FbpdError('UNAVAILABLE', `the hot tier answered ${status}: ${said}`);
}
