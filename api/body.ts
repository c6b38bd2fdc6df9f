import type { IncomingMessage } from 'node:http';

import { bodyTooLarge, unsupportedMediaType } from './errors.ts';
import { badField } from './validate.ts';

/** So much of a body that is too large is read and thrown away, so that the client gets to read why it was refused. */
const DRAIN_BYTES = 16 * 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The JSON of a request's body. No Content-Type at all is taken for JSON, as nothing else is ever meant.
 *
 * @throws HttpError 413 and 415, and `BAD_REQUEST` with subject `body` when it is empty, cut short or not UTF-8.
 */
export async function readJson(req: IncomingMessage, limitBytes: number): Promise<unknown> {
  checkMediaType(req);
  const bytes = await readBytes(req, limitBytes);
  if (bytes.length === 0) throw badField('body', 'is empty; a JSON object is expected');
  const text = decode(bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badField('body', `is not JSON: ${cause instanceof Error ? cause.message.slice(0, 120) : 'it does not parse'}`);
  }
}

function checkMediaType(req: IncomingMessage): void {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw unsupportedMediaType(`${encoding}-encoded`);
  const type = req.headers['content-type'];
  if (type === undefined || type === '') return;
  const [essence = '', ...parameters] = type.toLowerCase().split(';');
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='));
  const utf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (essence.trim() !== 'application/json' || !utf8) throw unsupportedMediaType(type);
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw badField('body', 'is not UTF-8');
  }
}

/** Rejects with 413 as soon as that is known and the client can be expected to listen. */
function readBytes(req: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  const declaredBytes = Number(req.headers['content-length'] ?? 0);
  const waitsForLeave = req.headers.expect !== undefined;
  if (declaredBytes > limitBytes && (waitsForLeave || declaredBytes > limitBytes + DRAIN_BYTES)) {
    return Promise.reject(bodyTooLarge(limitBytes));
  }
  return new Promise((resolve, reject) => {
    let chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    req.on('data', (chunk: Uint8Array) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      chunks = [];
      if (sizeBytes <= limitBytes + DRAIN_BYTES) return;
      req.pause();
      reject(bodyTooLarge(limitBytes));
    });
    req.on('end', () => {
      if (sizeBytes > limitBytes) reject(bodyTooLarge(limitBytes));
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    req.on('error', reject);
    req.on('close', () => {
      if (!req.complete) reject(badField('body', 'ended too soon'));
    });
  });
}
