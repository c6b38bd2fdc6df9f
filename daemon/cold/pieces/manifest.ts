import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { CID } from 'multiformats/cid';

import { encodeHeader, encodeVarint, sectionBytes } from './car-format.ts';

/**
 * Which block lies where in the CAR of a piece. As a file:
 *
 * - 8 bytes `fbpdpm1\n`
 * - pages, each of some hundreds of sections in the order of the CAR, a section being three things:
 *   the uvarint `2 × bytes of its block`, plus 1 for a block of our own, which is in no tier; the uvarint length of its CID;
 *   the CID; and the block where it is our own
 * - a table of 20 bytes for each page, big-endian: where its first section begins in the CAR (6 bytes), where the page begins in this
 *   file (6), its length (4), its CRC-32 (4)
 * - JSON: {@link Trailer}, and its length in 4 bytes
 *
 * Sections lie without gaps behind the CAR's header, which follows from the root, so their places need not be written down.
 * The file is called by its SHA-256, by which it is checked when it is opened; a page that rots later shows by its CRC.
 */
const MAGIC = Buffer.from('fbpdpm1\n');
const TABLE_ENTRY_BYTES = 20;
const LENGTH_BYTES = 4;
const TRAILER_BYTES_MAX = 4096;
const PAGE_BYTES = 32 * 1024;
/** Written at a time. */
const WRITE_BYTES = 1024 * 1024;

/** A block of a piece, and where it lies. */
export interface Section {
  /** Where it begins in the CAR: with the length of CID and block together. */
  at: number;
  cid: Uint8Array;
  blockBytes: number;
  /** The block, where no tier has it: the nodes above the contents. */
  own?: Uint8Array;
}

/** What a manifest is of. */
export interface ManifestFacts {
  rootCid: string;
  pieceCid: string;
  carSizeBytes: number;
}

interface Trailer extends ManifestFacts {
  sections: number;
  /** Where the table of pages begins. */
  tableAt: number;
  pages: number;
}

interface Page {
  carAt: number;
  fileAt: number;
  bytes: number;
  crc: number;
}

/** The file is not what was written. */
export class ManifestDamage extends Error {
  override readonly name = 'ManifestDamage';
}

// ---------------------------------------------------------------------------------------------------------------
// Writing

/** A manifest that is being written, along with its CAR. Ends with `finish` or `discard`. */
export interface ManifestWriter {
  /** The next section of the CAR. */
  add(section: Omit<Section, 'at'>): void;
  /** Resolves when more is welcome. */
  ready(): Promise<void>;
  /** All of it is on disk then, for good. Gives the hash that is to become its name. */
  finish(facts: ManifestFacts): Promise<string>;
  discard(): Promise<void>;
}

/** Rejects as the file system does. */
export async function createManifestWriter(path: string, root: CID): Promise<ManifestWriter> {
  const file = await open(path, 'w', 0o600);
  const hash = createHash('sha256');
  const pages: Page[] = [];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let writtenBytes = 0;
  let carAt = encodeHeader(root).length;
  let sections = 0;
  let page: { carAt: number; parts: Uint8Array[]; bytes: number } | undefined;

  function put(bytes: Uint8Array): void {
    hash.update(bytes);
    waiting.push(bytes);
    waitingBytes += bytes.length;
    writtenBytes += bytes.length;
  }

  function closePage(): void {
    if (page === undefined) return;
    const bytes = Buffer.concat(page.parts);
    pages.push({ carAt: page.carAt, fileAt: writtenBytes, bytes: bytes.length, crc: crc32(bytes) });
    put(bytes);
    page = undefined;
  }

  async function flush(): Promise<void> {
    const parts = waiting;
    waiting = [];
    waitingBytes = 0;
    await file.writeFile(Buffer.concat(parts));
  }

  put(MAGIC);
  return {
    add({ cid, blockBytes, own }) {
      const head = Buffer.concat([encodeVarint(2 * blockBytes + (own === undefined ? 0 : 1)), encodeVarint(cid.length), cid]);
      page ??= { carAt, parts: [], bytes: 0 };
      page.parts.push(head, ...(own === undefined ? [] : [own]));
      page.bytes += head.length + (own?.length ?? 0);
      carAt += sectionBytes(cid.length, blockBytes);
      sections += 1;
      if (page.bytes >= PAGE_BYTES) closePage();
    },
    async ready() {
      if (waitingBytes >= WRITE_BYTES) await flush();
    },
    async finish(facts) {
      closePage();
      const trailer: Trailer = { ...facts, sections, tableAt: writtenBytes, pages: pages.length };
      put(encodeTable(pages));
      const json = Buffer.from(JSON.stringify(trailer));
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(json.length);
      put(json);
      put(length);
      await flush();
      await file.sync();
      await file.close();
      return hash.digest('hex');
    },
    async discard() {
      await file.close().catch(() => undefined);
    },
  };
}

function encodeTable(pages: readonly Page[]): Buffer {
  const table = Buffer.alloc(pages.length * TABLE_ENTRY_BYTES);
  for (const [index, { carAt, fileAt, bytes, crc }] of pages.entries()) {
    const at = index * TABLE_ENTRY_BYTES;
    table.writeUIntBE(carAt, at, 6);
    table.writeUIntBE(fileAt, at + 6, 6);
    table.writeUInt32BE(bytes, at + 12);
    table.writeUInt32BE(crc, at + 16);
  }
  return table;
}

// ---------------------------------------------------------------------------------------------------------------
// Reading

/** A manifest whose hash was right when it was looked at. Keeps no file open, and 20 bytes for some hundred sections in memory. */
export interface Manifest extends ManifestFacts {
  sections: number;
  /** Of the CAR. */
  header: Uint8Array;
  /**
   * From the section in which that byte of the CAR lies to the last; from the first one for a byte of the header. Rejects with
   * {@link ManifestDamage}, or as the file system does.
   */
  from(carAt: number): AsyncGenerator<Section, void, undefined>;
}

/** Rejects with {@link ManifestDamage}, or as the file system does. */
export async function readManifest(path: string, sha256Hex: string): Promise<Manifest> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: WRITE_BYTES })) hash.update(part as Buffer);
  if (hash.digest('hex') !== sha256Hex) throw new ManifestDamage('its bytes do not hash to its name');
  const file = await open(path, 'r');
  try {
    const trailer = await readTrailer(file);
    const table = await readBytes(file, trailer.tableAt, trailer.pages * TABLE_ENTRY_BYTES);
    return { ...trailer, header: encodeHeader(CID.parse(trailer.rootCid)), from: (carAt) => readFrom(path, table, trailer, carAt) };
  } finally {
    await file.close();
  }
}

async function readTrailer(file: FileHandle): Promise<Trailer> {
  const { size } = await file.stat();
  const length = (await readBytes(file, size - LENGTH_BYTES, LENGTH_BYTES)).readUInt32BE();
  if (length > TRAILER_BYTES_MAX) throw new ManifestDamage('it does not end as a manifest does');
  // What hashes to its name was written by us.
  return JSON.parse((await readBytes(file, size - LENGTH_BYTES - length, length)).toString('utf8')) as Trailer;
}

async function readBytes(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, Math.max(0, at));
  if (bytesRead !== length) throw new ManifestDamage('it is shorter than it was');
  return bytes;
}

async function* readFrom(path: string, table: Buffer, { pages }: Trailer, carAt: number): AsyncGenerator<Section, void, undefined> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new ManifestDamage('its file cannot be opened any more', { cause });
  });
  try {
    for (let index = pageOf(table, pages, carAt); index < pages; index++) {
      const page = pageAt(table, index);
      const bytes = await readBytes(file, page.fileAt, page.bytes);
      if (crc32(bytes) !== page.crc) throw new ManifestDamage(`its page ${index} is not what was written`);
      for (const section of sectionsIn(bytes, page.carAt)) {
        if (section.at + sectionBytes(section.cid.length, section.blockBytes) > carAt) yield section;
      }
    }
  } finally {
    await file.close();
  }
}

/** The last page that begins at or before that byte of the CAR; the first one for the header. */
function pageOf(table: Buffer, pages: number, carAt: number): number {
  let low = 0;
  for (let high = pages - 1; low < high; ) {
    const middle = Math.ceil((low + high) / 2);
    if (pageAt(table, middle).carAt <= carAt) low = middle;
    else high = middle - 1;
  }
  return low;
}

function pageAt(table: Buffer, index: number): Page {
  const at = index * TABLE_ENTRY_BYTES;
  return {
    carAt: table.readUIntBE(at, 6),
    fileAt: table.readUIntBE(at + 6, 6),
    bytes: table.readUInt32BE(at + 12),
    crc: table.readUInt32BE(at + 16),
  };
}

function* sectionsIn(page: Buffer, carAt: number): Generator<Section, void, undefined> {
  const cursor = { bytes: page, at: 0 };
  let at = carAt;
  while (cursor.at < page.length) {
    const sizeAndKind = uvarint(cursor);
    const blockBytes = Math.floor(sizeAndKind / 2);
    const cid = take(cursor, uvarint(cursor));
    yield { at, cid, blockBytes, ...(sizeAndKind % 2 === 1 ? { own: take(cursor, blockBytes) } : {}) };
    at += sectionBytes(cid.length, blockBytes);
  }
}

interface Cursor {
  bytes: Buffer;
  at: number;
}

function take(cursor: Cursor, length: number): Uint8Array {
  if (cursor.at + length > cursor.bytes.length) throw new ManifestDamage('a section is cut short');
  const part = cursor.bytes.subarray(cursor.at, cursor.at + length);
  cursor.at += length;
  return part;
}

function uvarint(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; factor < 2 ** 49; factor *= 0x80) {
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  throw new ManifestDamage('a number that does not end');
}
