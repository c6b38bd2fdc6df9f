import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { CID } from 'multiformats/cid';

import type { BuiltPiece } from '../../domain/piece.ts';
import type { Log } from '../../log.ts';
import { diskError, type Place, syncDirectory } from './disk-error.ts';
import { createManifestWriter, type Manifest, ManifestDamage, type ManifestWriter, readManifest } from './manifest.ts';

/** A manifest that is being written. Ends with `keep` or `discard`. All rejections are PieceErrors. */
export interface ManifestFile extends Pick<ManifestWriter, 'add'> {
  /** Resolves when more is welcome. */
  ready(): Promise<void>;
  /** On disk for good, under its name; others of the piece are removed. */
  keep(piece: BuiltPiece): Promise<void>;
  discard(): Promise<void>;
}

/** The directory of manifests: `<piece id>.<SHA-256>.manifest`, and `<piece id>.part` while it is written. Other files are left alone. */
export interface Manifests {
  /** In place of what was left of the last attempt. */
  begin(pieceId: string, root: CID): Promise<ManifestFile>;
  /** Undefined when there is none of these bytes. One that is damaged is said and removed. */
  of(piece: BuiltPiece & { id: string }): Promise<Manifest | undefined>;
  /** It turned out to be damaged while it was read. */
  damaged(pieceId: string, error: ManifestDamage): Promise<void>;
  drop(pieceId: string): Promise<void>;
  /** Ids of pieces of which there is something. */
  list(): Promise<string[]>;
}

const WHOLE = /^(?<id>[\w-]+)\.(?<hash>[0-9a-f]{64})\.manifest$/;
const PART = /^(?<id>[\w-]+)\.part$/;
/** Tables of pages kept of those that were read last, which are checked once. */
const OPEN_MAX = 64;
const MANIFESTS: Place = { name: 'the directory of manifests in state.dir', elsewhere: 'move state.dir to a larger disk' };

export function createManifests(dir: string, log: Log): Manifests {
  /** By piece id, the one used last at the end. */
  const opened = new Map<string, Manifest>();
  /** Hashes by piece id, read once: nobody else writes here, and there are many. */
  let hashes: Promise<Map<string, Set<string>>> | undefined;

  async function known(): Promise<Map<string, Set<string>>> {
    hashes ??= readNames(dir).catch((error: unknown) => {
      hashes = undefined;
      throw diskError(error, MANIFESTS);
    });
    return await hashes;
  }

  async function remove(pieceId: string, hash: string): Promise<void> {
    await rm(fileOf(pieceId, hash), { force: true });
    const rest = (await known()).get(pieceId);
    rest?.delete(hash);
    if (rest?.size === 0) (await known()).delete(pieceId);
  }

  async function drop(pieceId: string, except?: string): Promise<void> {
    opened.delete(pieceId);
    try {
      for (const hash of [...((await known()).get(pieceId) ?? [])]) if (hash !== except) await remove(pieceId, hash);
      if (except === undefined) await rm(partOf(pieceId), { force: true });
    } catch (error) {
      throw diskError(error, MANIFESTS);
    }
  }

  const fileOf = (pieceId: string, hash: string): string => join(dir, `${pieceId}.${hash}.manifest`);
  const partOf = (pieceId: string): string => join(dir, `${pieceId}.part`);

  async function damaged(pieceId: string, error: ManifestDamage, hash?: string): Promise<void> {
    log.error(
      { err: error, piece: pieceId, dir },
      'the manifest of a piece is damaged: it is removed, and written again when the piece is',
    );
    if (hash === undefined) await drop(pieceId);
    else await remove(pieceId, hash);
  }

  return {
    async begin(pieceId, root) {
      try {
        await mkdir(dir, { recursive: true, mode: 0o700 });
        const writer = await createManifestWriter(partOf(pieceId), root);
        const discard = async (): Promise<void> => {
          // What cannot be removed now is listed and dropped later.
          await writer.discard();
          await rm(partOf(pieceId), { force: true }).catch(() => undefined);
        };
        return manifestFile(writer, discard, async (hash) => {
          const list = await known();
          await rename(partOf(pieceId), fileOf(pieceId, hash));
          await syncDirectory(dir);
          list.set(pieceId, (list.get(pieceId) ?? new Set()).add(hash));
          await drop(pieceId, hash);
        });
      } catch (error) {
        throw diskError(error, MANIFESTS);
      }
    },
    async of(piece) {
      const before = opened.get(piece.id);
      opened.delete(piece.id);
      const manifest = before !== undefined && isOf(before, piece) ? before : await readOne(piece);
      if (manifest !== undefined) opened.set(piece.id, manifest);
      for (const id of opened.keys()) if (opened.size > OPEN_MAX) opened.delete(id);
      return manifest;
    },
    damaged: (pieceId, error) => damaged(pieceId, error),
    drop: (pieceId) => drop(pieceId),
    async list() {
      const parts = (await namesIn(dir)).flatMap((name) => PART.exec(name)?.groups?.id ?? []);
      return [...new Set([...(await known()).keys(), ...parts])];
    },
  };

  /** A crash may have left the one before beside the one that took its place. */
  async function readOne(piece: BuiltPiece & { id: string }): Promise<Manifest | undefined> {
    for (const hash of [...((await known()).get(piece.id) ?? [])]) {
      try {
        const manifest = await readManifest(fileOf(piece.id, hash), hash);
        if (isOf(manifest, piece)) return manifest;
      } catch (error) {
        if (error instanceof ManifestDamage) await damaged(piece.id, error, hash);
        else if (isMissing(error)) await damaged(piece.id, new ManifestDamage('its file is gone'), hash);
        else throw diskError(error, MANIFESTS);
      }
    }
    return undefined;
  }
}

function manifestFile(writer: ManifestWriter, discard: () => Promise<void>, finish: (hash: string) => Promise<void>): ManifestFile {
  return {
    add: writer.add,
    async ready() {
      await writer.ready().catch(throwDiskError);
    },
    async keep({ rootCid, pieceCid, carSizeBytes }) {
      try {
        await finish(await writer.finish({ rootCid, pieceCid, carSizeBytes }));
      } catch (error) {
        throw diskError(error, MANIFESTS);
      }
    },
    discard,
  };
}

function isOf(manifest: Manifest, { rootCid, pieceCid, carSizeBytes }: BuiltPiece): boolean {
  return manifest.rootCid === rootCid && manifest.pieceCid === pieceCid && manifest.carSizeBytes === carSizeBytes;
}

async function readNames(dir: string): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (const name of await namesIn(dir)) {
    const { id, hash } = WHOLE.exec(name)?.groups ?? {};
    if (id !== undefined && hash !== undefined) found.set(id, (found.get(id) ?? new Set()).add(hash));
  }
  return found;
}

async function namesIn(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw diskError(error, MANIFESTS);
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function throwDiskError(error: unknown): never {
  throw diskError(error, MANIFESTS);
}
