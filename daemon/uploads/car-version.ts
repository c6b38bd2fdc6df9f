import { UploadError } from '../domain/upload-port.ts';

/** What a CAR of version 2 begins with: a CARv1 header that says version 2 and has no roots. */
const PRAGMA = Uint8Array.of(0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02);
/** After it: 16 bytes of flags, then where the CARv1 begins, its length and where the index begins, 8 each. */
const HEADER_BYTES = 40;
/** Between that and the CARv1 there may be padding, for alignment. */
const PADDING_BYTES_MAX = 1024 * 1024;

/**
 * The CARv1 within a CAR of either version; a stream that is none comes through as it is. The index is of no use here, as
 * blocks are not looked for, and is skipped.
 */
export async function* innerCar(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const parts = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();

  /** The first bytes of what is to come, left where they are; fewer at the end. */
  async function peek(length: number): Promise<Uint8Array> {
    while (held.length < length) {
      const next = await parts.next();
      if (next.done === true) break;
      held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
    }
    return held.subarray(0, length);
  }

  /** So many bytes as they come. */
  async function* pass(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let rest = length; rest > 0; ) {
      const part = held.length > 0 ? held : await peek(1);
      if (part.length === 0) return;
      const taken = held.subarray(0, rest);
      held = held.subarray(taken.length);
      rest -= taken.length;
      yield taken;
    }
  }

  try {
    const beginning = await peek(PRAGMA.length);
    if (Buffer.compare(beginning, PRAGMA) !== 0) {
      yield* pass(Number.POSITIVE_INFINITY);
      return;
    }
    const head = Uint8Array.from(await peek(PRAGMA.length + HEADER_BYTES));
    const { dataOffset, dataBytes } = readHeader(head);
    for await (const _ of pass(dataOffset));
    let givenBytes = 0;
    for await (const part of pass(dataBytes)) {
      givenBytes += part.length;
      yield part;
    }
    if (givenBytes < dataBytes) throw new UploadError('cut', 'the CAR ends in the middle');
    for await (const _ of pass(Number.POSITIVE_INFINITY));
  } finally {
    await parts.return?.();
  }
}

function readHeader(head: Uint8Array): { dataOffset: number; dataBytes: number } {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.byteLength < PRAGMA.length + HEADER_BYTES) throw new UploadError('cut', 'the CAR ends within its header');
  const dataOffset = Number(view.getBigUint64(PRAGMA.length + 16, true));
  const dataBytes = Number(view.getBigUint64(PRAGMA.length + 24, true));
  if (dataOffset < view.byteLength || dataOffset > PADDING_BYTES_MAX || !Number.isSafeInteger(dataBytes))
    throw new UploadError('malformed', 'the CAR is of version 2 and its header makes no sense');
  if (dataBytes === 0) throw new UploadError('malformed', 'the CAR is of version 2 and was not finished: it says that nothing is in it');
  return { dataOffset, dataBytes };
}
