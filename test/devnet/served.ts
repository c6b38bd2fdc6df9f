/** A reply with bytes. */
export interface ServedReply {
  provider: string;
  path: string;
  /** Its first byte in what was asked for. */
  from: number;
  /** That were handed to the connection. */
  bytes: number;
}

/** What providers gave back over HTTP, in the order in which it was begun. */
export class Served {
  readonly replies: ServedReply[] = [];
  /** Replies that were under way together at most. */
  mostAtOnce = 0;
  #running = 0;
  #asked = 0;

  async *counted(
    from: Omit<ServedReply, 'bytes'>,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const reply = { ...from, bytes: 0 };
    this.replies.push(reply);
    this.#running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running);
    try {
      for await (const chunk of chunks) {
        reply.bytes += chunk.length;
        yield chunk;
      }
    } finally {
      this.#running -= 1;
    }
  }

  bytes(is: (reply: ServedReply) => boolean = () => true): number {
    return this.replies.filter(is).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  nextIsOdd(): boolean {
    this.#asked += 1;
    return this.#asked % 2 === 1;
  }

  clear(): void {
    this.replies.length = 0;
    this.mostAtOnce = 0;
  }
}
