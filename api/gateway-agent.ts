import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** Called with each piece that comes. False: no more before `next` is called; until then the piece stays what it is. */
export type Take = (bytes: Uint8Array) => boolean;

/** A connection whose bytes go past the parser. */
export interface Diverted {
  /** The piece that was taken last is done with. */
  next(): void;
  /** Closes the connection, of which the parser no longer knows where it stands. */
  close(): void;
  /** After `close`, when nobody looks at the piece that was taken last any more. */
  release(): void;
}

/** A buffer each. */
const DIVERTED_MAX = 64;
/** For the head of a reply and what comes with it: little, as the parser copies all that is of the body. */
const HEAD_BYTES = 16 * 1024;

/**
 * Connections that read long bodies into one buffer. Node's own way takes a new buffer for each piece that comes, throws it away
 * once the parser has copied what is in it, and comes for no more than 64 KiB at a time: with this one a GiB costs half.
 *
 * The parser is through with a piece before the next is read, from whichever connection. It copies bodies; should it ever
 * hand out the buffer itself, {@link OneBufferAgent.owned} is what notices. What it copies is the larger part of all that the
 * collector of garbage has to do, so of a body whose length is known the rest can be had without it: see
 * {@link OneBufferAgent.divert}.
 */
export class OneBufferAgent extends Agent {
  readonly #shared: Buffer;
  readonly #lanes = new WeakMap<Socket, Lane>();
  /** What reads go into, but for those that are diverted. */
  readonly #ours = new WeakSet<ArrayBufferLike>();
  readonly #free: Buffer[] = [];
  #diverted = 0;

  constructor(options: AgentOptions, bufferBytes: number) {
    super(options);
    this.#shared = Buffer.allocUnsafeSlow(bufferBytes);
    this.#ours.add(this.#shared.buffer);
  }

  override createConnection(options: ClientRequestArgs): Socket {
    const head = Buffer.allocUnsafeSlow(HEAD_BYTES);
    this.#ours.add(head.buffer);
    const lane = new Lane(head, this.#shared);
    const onread = {
      buffer: () => lane.buffer(),
      callback: (bytes: number, into: Uint8Array) => lane.read(socket, into.subarray(0, bytes)),
    };
    const socket: Socket = connect({ ...options, onread } as NetConnectOpts);
    this.#lanes.set(socket, lane);
    return socket;
  }

  /** The head of a reply has just come on that connection. */
  begun(socket: Socket): void {
    this.#lanes.get(socket)?.begun();
  }

  /** The bytes, for keeps. */
  owned(bytes: Uint8Array): Uint8Array {
    return this.#ours.has(bytes.buffer) ? Buffer.from(bytes) : bytes;
  }

  /**
   * From now on what comes on this connection is for `take`, and the parser sees no more of it: what it has given out before,
   * the caller has to read first. Undefined when the connection is another agent's, or too many are diverted already.
   */
  divert(socket: Socket, take: Take): Diverted | undefined {
    const lane = this.#lanes.get(socket);
    if (lane === undefined || this.#diverted >= DIVERTED_MAX) return undefined;
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#shared.length);
    this.#diverted += 1;
    // One read may have been promised the buffer of all already, though not after a head.
    lane.divert(buffer, (bytes) => take(bytes.buffer === this.#shared.buffer ? Buffer.from(bytes) : bytes));
    let isClosed = false;
    return {
      next: () => void socket.resume(),
      close: () => {
        if (isClosed) return;
        isClosed = true;
        this.#diverted -= 1;
        socket.destroy();
      },
      release: () => {
        this.#free.push(buffer);
      },
    };
  }
}

/** Where the bytes of one connection go. Each read is promised its buffer when the one before is over. */
class Lane {
  readonly #head: Buffer;
  readonly #shared: Buffer;
  #reads = 0;
  #diverted: { buffer: Buffer; take: Take } | undefined;

  constructor(head: Buffer, shared: Buffer) {
    this.#head = head;
    this.#shared = shared;
  }

  buffer(): Buffer {
    if (this.#diverted !== undefined) return this.#diverted.buffer;
    return this.#reads < 2 ? this.#head : this.#shared;
  }

  read(socket: Socket, bytes: Uint8Array): boolean {
    if (this.#diverted !== undefined) return this.#diverted.take(bytes);
    socket.emit('data', bytes);
    this.#reads += 1;
    return true;
  }

  begun(): void {
    this.#reads = 0;
  }

  divert(buffer: Buffer, take: Take): void {
    this.#diverted = { buffer, take };
  }
}
