import type { ClientRequest, IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';

/** Bytes that are in memory already, in order. */
export interface RequestBody {
  contentType: string;
  parts: readonly Uint8Array[];
}

/** Bytes that are not all here yet. */
export interface StreamedBody {
  contentType: string;
  parts: AsyncIterable<Uint8Array>;
}

/** A streamed one says by `onBroken` what its source threw. */
export type Body = RequestBody | (StreamedBody & { onBroken: (error: unknown) => void });

export function isStreamed(body: Body | undefined): body is Exclude<Body, RequestBody> {
  return body !== undefined && 'onBroken' in body;
}

export function headersOf(body: Body | undefined): Record<string, string | number> {
  if (body === undefined) return { 'content-length': 0 };
  if (isStreamed(body)) return { 'content-type': body.contentType };
  return { 'content-type': body.contentType, 'content-length': body.parts.reduce((sum, { length }) => sum + length, 0) };
}

/** Sends the body and resolves with the reply's head, which may come before a streamed one has been sent. */
export function responseOf(request: ClientRequest, body?: Body): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Stays on after the reply has come: a reset in its middle reaches the reader of the reply, and must not throw here.
    request.on('error', reject);
    if (isStreamed(body)) {
      void sendParts(request, body);
      return;
    }
    request.cork();
    for (const part of body?.parts ?? []) request.write(part);
    request.end();
  });
}

/** Never rejects. A source that breaks breaks the request, so that what came is not taken for all of it. */
async function sendParts(request: ClientRequest, { parts, onBroken }: Exclude<Body, RequestBody>): Promise<void> {
  const watched = (async function* () {
    try {
      yield* parts;
    } catch (error) {
      onBroken(error);
      throw error;
    }
  })();
  await pipeline(watched, request).catch(() => request.destroy());
}
