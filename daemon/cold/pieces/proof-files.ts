import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { BuiltPiece, PieceMember } from '../../domain/piece.ts';
import type { RootProof } from '../../domain/receipt-ports.ts';
import { syncDirectory } from './disk-error.ts';
import { encodeProofs, readProof } from './proof-file.ts';
import { type PieceProof, placeKey } from './root-proofs.ts';

/** A directory of proof files: `<piece id>.<piece CID>.proof`, which the rename that finishes one gives it in one step. */
export interface ProofFiles {
  /** On disk for good. What was built again is the same, and is not written again. */
  keep(pieceId: string, pieceCid: string, proof: PieceProof): Promise<void>;
  of(piece: BuiltPiece & { id: string }, members: readonly PieceMember[], contentKey: string): Promise<RootProof | undefined>;
  drop(pieceId: string): Promise<void>;
  list(): Promise<string[]>;
}

const NAME = /^(?<id>[\w-]+)\.[a-z0-9]+\.proof(?:\.part)?$/;

/** Errors are the file system's own. */
export function createProofFiles(dir: string): ProofFiles {
  const nameOf = (pieceId: string, pieceCid: string): string => `${pieceId}.${pieceCid}.proof`;

  async function names(): Promise<string[]> {
    return await readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  }

  return {
    async keep(pieceId, pieceCid, proof) {
      const name = nameOf(pieceId, pieceCid);
      if ((await names()).includes(name)) return;
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const part = join(dir, `${name}.part`);
      try {
        await writeSynced(part, encodeProofs(proof));
        await rename(part, join(dir, name));
      } catch (error) {
        await rm(part, { force: true }).catch(() => undefined);
        throw error;
      }
      await syncDirectory(dir);
    },
    async of(piece, members, contentKey) {
      const found = await readProof(join(dir, nameOf(piece.id, piece.pieceCid)), piece, contentKey);
      if (found === undefined) return undefined;
      const { withinKey, ...proof } = found;
      if (withinKey === undefined) return proof;
      const within = members.find((member) => placeKey(member.contentKey).equals(withinKey));
      return within === undefined ? undefined : { ...proof, within: within.contentKey };
    },
    async drop(pieceId) {
      for (const name of await names()) if (NAME.exec(name)?.groups?.id === pieceId) await rm(join(dir, name), { force: true });
    },
    async list() {
      const ids = (await names()).map((name) => NAME.exec(name)?.groups?.id).filter((id) => id !== undefined);
      return [...new Set(ids)].sort();
    },
  };
}

async function writeSynced(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}
