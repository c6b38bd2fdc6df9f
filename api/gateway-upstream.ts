import * as http from 'node:http';
import * as https from 'node:https';

import type { HttpTarget } from '../daemon/domain/retrieval-ports.ts';
import { unavailable } from './errors.ts';
import { type Diverted, OneBufferAgent, type Take } from './gateway-agent.ts';

export interface UpstreamRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: http.OutgoingHttpHeaders;
}

/** The hot tier's own gateway. */
export interface Upstream {
  /**
   * Resolves with the head of its reply, whatever the status; the body must be read or destroyed. The signal ends both.
   * Rejects with a 503 when it cannot be reached, and with `AbortError`.
   */
  ask(request: UpstreamRequest, signal: AbortSignal): Promise<http.IncomingMessage>;
  /** A piece of a reply's body, for keeps. */
  owned(bytes: Uint8Array): Uint8Array;
  /** The rest of a reply's body, past the parser; undefined where that is not to be had. See {@link OneBufferAgent.divert}. */
  divert(reply: http.IncomingMessage, take: Take): Diverted | undefined;
  close(): void;
}

export interface UpstreamOptions {
  /** Undefined while there is none. */
  target: () => HttpTarget | undefined;
  /** Said to readers when there is none for good. */
  absent?: string | undefined;
  /** So much is read at once. */
  bufferBytes: number;
}

const IDLE_CONNECTIONS_MAX = 64;
const RETRY_SECONDS = 5;

export function createUpstream({ target, absent, bufferBytes }: UpstreamOptions): Upstream {
  // Requests that wait for a cold source keep their connection for minutes, so there may be as many as there are readers.
  const kept = { keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX };
  const plain = new OneBufferAgent(kept, bufferBytes);
  const secure = new https.Agent(kept);

  function send(
    to: HttpTarget,
    request: UpstreamRequest,
    signal: AbortSignal,
  ): Promise<{ reply: http.IncomingMessage } | { again: boolean; error: Error }> {
    const isSecure = 'url' in to && to.url.protocol === 'https:';
    const { method, path, headers } = request;
    const where = 'url' in to ? { host: to.url.hostname.replace(/^\[|\]$/g, ''), port: to.url.port } : { socketPath: to.socketPath };
    const options = { ...where, method, path, headers, signal, agent: isSecure ? secure : plain };
    return new Promise((resolve) => {
      const sent = isSecure ? https.request(options) : http.request(options);
      sent.on('response', (reply) => {
        plain.begun(reply.socket);
        resolve({ reply });
      });
      // After the head it is the reply that says so, too.
      sent.on('error', (error) => resolve({ again: sent.reusedSocket, error }));
      sent.end();
    });
  }

  return {
    async ask(request, signal) {
      for (;;) {
        const to = target();
        if (to === undefined) throw unavailable(absent ?? 'the hot tier is down, and will be back soon', RETRY_SECONDS);
        const sent = await send(to, request, signal);
        if ('reply' in sent) return sent.reply;
        signal.throwIfAborted();
        // A connection that was kept may have been closed at the very moment at which it was used again; a new one was not.
        if (!sent.again) throw unavailable('the hot tier does not answer, and will be back soon', RETRY_SECONDS);
      }
    },
    owned: (bytes) => plain.owned(bytes),
    divert: ({ socket }, take) => plain.divert(socket, take),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
