import { CID } from 'multiformats/cid';

/**
 * Links of blocks, in the order in which they are written in the block: that is the order in which Lotus walks. They
 * are looked for in the bytes, because a decoder into JavaScript objects moves keys that look like numbers to the
 * front, and refuses what Go's decoders and with them kubo took in.
 */
export const CODECS = { raw: 0x55, dagPb: 0x70, dagCbor: 0x71, dagJson: 0x0129 } as const;

/** The same block under a CID that says nothing of what is in it, and so leads nowhere. */
export function rawCidOf(cid: Uint8Array): CID {
  return CID.createV1(CODECS.raw, CID.decode(cid).multihash);
}

/** Lists and maps within each other, beyond which kubo's decoders of dag-cbor and dag-json (go-ipld-prime) give a block up. */
const NESTED_MAX = 1024;

/** A block that says of itself to be what it is not, in a codec whose links we cannot see, or nested deeper than nodes read it. */
export class LinksError extends Error {
  override readonly name = 'LinksError';
}

/** CIDs as bytes, repeats included. */
export function linksOf(codec: number, block: Uint8Array): Uint8Array[] {
  if (codec === CODECS.raw) return [];
  if (codec === CODECS.dagPb) return dagPbLinks(block);
  if (codec === CODECS.dagCbor) return dagCborLinks(block);
  if (codec === CODECS.dagJson) return dagJsonLinks(block);
  // kubo holds some more, plain CBOR and JSON among them; what providers cannot walk would fail the deal of the whole piece.
  throw new LinksError(`its codec 0x${codec.toString(16)} is not one that providers walk (dag-pb, dag-cbor, dag-json, raw)`);
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new LinksError('it ends in the middle of a value');
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}

function byte(cursor: Cursor): number {
  return take(cursor, 1)[0] ?? 0;
}

// ---------------------------------------------------------------------------------------------------------------
// dag-pb: PBNode { repeated PBLink Links = 2 }, PBLink { bytes Hash = 1 }

function dagPbLinks(block: Uint8Array): Uint8Array[] {
  const links = fieldsOf(block, 2);
  return links.flatMap((link) => fieldsOf(link, 1).map((cid) => copyOfCid(cid)));
}

/** The values of a field whose wire type is "bytes". */
function fieldsOf(message: Uint8Array, field: number): Uint8Array[] {
  const cursor = { bytes: message, at: 0 };
  const found: Uint8Array[] = [];
  while (cursor.at < message.length) {
    const key = protobufVarint(cursor);
    const type = key % 8;
    if (type === 0) protobufVarint(cursor);
    else if (type === 2) {
      const value = take(cursor, protobufVarint(cursor));
      if (Math.floor(key / 8) === field) found.push(value);
    } else throw new LinksError(`it is no dag-pb: wire type ${type}`);
  }
  return found;
}

function protobufVarint(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; factor < 2 ** 70; factor *= 128) {
    const next = byte(cursor);
    value += (next & 0x7f) * factor;
    if (next < 0x80) return value;
  }
  throw new LinksError('it is no dag-pb: a number that does not end');
}

// ---------------------------------------------------------------------------------------------------------------
// dag-cbor: tag 42 around a byte string of a zero and the CID

const LINK_TAG = 42;

/** Reads heads one after another. Nothing recurses: of each list and map that is open, only how many values are still to come matters. */
function dagCborLinks(block: Uint8Array): Uint8Array[] {
  const cursor = { bytes: block, at: 0 };
  const links: Uint8Array[] = [];
  const open: number[] = [];
  let isLink = false;
  for (let toCome = 1; toCome > 0; ) {
    const head = byte(cursor);
    const major = head >>> 5;
    const argument = major === 7 && (head & 0x1f) >= 24 ? floatSkipped(cursor, head & 0x1f) : cborArgument(cursor, head & 0x1f);
    if (isLink && major !== 2) throw new LinksError('it is no dag-cbor: a link that is not bytes');
    if (major === 2 || major === 3) {
      const value = take(cursor, argument);
      if (isLink) links.push(linkedCid(value));
    }
    isLink = major === 6 && argument === LINK_TAG;
    // A tag is followed by the value that it is part of.
    if (major === 6) continue;
    toCome -= 1;
    if (major === 4 || major === 5) {
      if (open.length >= NESTED_MAX) throw tooNested();
      open.push(toCome);
      toCome = argument * (major === 5 ? 2 : 1);
    }
    while (toCome === 0 && open.length > 0) toCome = open.pop() ?? 0;
  }
  if (cursor.at < block.length) throw new LinksError('it is no dag-cbor: there is more after its value');
  return links;
}

function cborArgument(cursor: Cursor, low: number): number {
  if (low < 24) return low;
  if (low > 27) throw new LinksError('it is no dag-cbor: a length that is not given');
  return take(cursor, 2 ** (low - 24)).reduce((value, next) => value * 256 + next, 0);
}

/** After a head of major type 7: true, null and floats, of which the bits are of no interest. */
function floatSkipped(cursor: Cursor, low: number): number {
  if (low > 27) throw new LinksError('it is no dag-cbor: a break without a beginning');
  take(cursor, 2 ** (low - 24));
  return 0;
}

function linkedCid(value: Uint8Array): Uint8Array {
  if (value[0] !== 0) throw new LinksError('it is no dag-cbor: a link without its leading zero');
  return copyOfCid(value.subarray(1));
}

// ---------------------------------------------------------------------------------------------------------------
// dag-json: { "/": "<cid>" }

/**
 * Such text cannot begin inside a string: there the quotes before and after the slash would be escaped, and after a
 * string's own closing quote no slash can follow.
 */
const JSON_LINK = /\{\s*"\\?\/"\s*:\s*"([A-Za-z0-9+/=_-]+)"\s*\}/g;

function dagJsonLinks(block: Uint8Array): Uint8Array[] {
  assertJsonNesting(block);
  return [...Buffer.from(block.buffer, block.byteOffset, block.length).toString('utf8').matchAll(JSON_LINK)].map(([, text = '']) => {
    try {
      return CID.parse(text).bytes;
    } catch (cause) {
      throw new LinksError(`it is no dag-json: a link to ${JSON.stringify(text.slice(0, 80))}`, { cause });
    }
  });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Brackets outside of strings. A link is one more map. */
function assertJsonNesting(block: Uint8Array): void {
  let nested = 0;
  let isString = false;
  for (let at = 0; at < block.length; at++) {
    const next = block[at] ?? 0;
    if (isString && next === BACKSLASH) at += 1;
    else if (next === QUOTE) isString = !isString;
    else if (!isString && OPENING.has(next)) nested += 1;
    else if (!isString && CLOSING.has(next)) nested -= 1;
    if (nested > NESTED_MAX) throw tooNested();
  }
}

function tooNested(): LinksError {
  return new LinksError(`more than ${NESTED_MAX} lists and maps lie within each other in it, and IPFS nodes read no more`);
}

/** The block it lies in may then be forgotten. */
function copyOfCid(bytes: Uint8Array): Uint8Array {
  try {
    return CID.decode(Uint8Array.from(bytes)).bytes;
  } catch (cause) {
    throw new LinksError('it links to something that is no CID', { cause });
  }
}
