import type { Mk12ReplyFault } from '../faults.ts';

/** What goes over the wire instead of, or as, a reply; then the stream is closed, reset, or left as it is. */
export interface Answer {
  chunks: Iterable<Uint8Array>;
  end: 'close' | 'reset' | 'hang';
}

const MIB = 1 << 20;
const HUGE_CHUNKS = 64;
/** An array of one item, 2^20 times; a text of 2^62 bytes. */
const NESTED = 0x81;
const HUGE_TEXT = Uint8Array.from([0x7b, 0x40, 0, 0, 0, 0, 0, 0, 0]);

export function answerOf(reply: Uint8Array, fault: Mk12ReplyFault | undefined): Answer {
  switch (fault) {
    case undefined:
      return { chunks: [reply], end: 'close' };
    case 'drop':
      return { chunks: [], end: 'reset' };
    case 'cut':
      return { chunks: [reply.subarray(0, Math.floor(reply.length / 2))], end: 'close' };
    case 'hang':
      return { chunks: [], end: 'hang' };
    case 'garbage':
      return { chunks: [new TextEncoder().encode('<html><body>Welcome to nginx!</body></html>')], end: 'close' };
    case 'bomb':
      return { chunks: [new Uint8Array(MIB).fill(NESTED)], end: 'close' };
    case 'huge':
      return { chunks: huge(), end: 'close' };
  }
}

function* huge(): Generator<Uint8Array> {
  yield HUGE_TEXT;
  const chunk = new Uint8Array(MIB).fill(0x78);
  for (let sent = 0; sent < HUGE_CHUNKS; sent += 1) yield chunk;
}
