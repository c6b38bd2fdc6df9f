import { basename, resolve } from 'node:path';
import { ColdError } from '../../../domain/cold-ports.ts';
import type { BuiltPiece } from '../../../domain/piece.ts';
import { cidOf, fieldsOf, idOf, listOf, textOf } from '../../chain/fields.ts';
import { LotusRefusal } from '../../chain/lotus-error.ts';
import type { LotusRpc } from '../../chain/lotus-rpc.ts';

/** Lotus reads the whole CAR to index it. */
const IMPORT_DEADLINE_MS = 240_000;

interface Import {
  key: number | bigint;
  /** As it was named when it was imported, and as it is read: one of them is ours, by version and kind of import. */
  files: readonly string[];
  /** Undefined while, or because, it did not end well. */
  rootCid: string | undefined;
}

/** CARs of pieces in Lotus's list of imports, which reads them where they lie. */
export interface Imports {
  stage(piece: BuiltPiece & { id: string }, file: string, signal: AbortSignal): Promise<void>;
  unstage(piece: { id: string }, signal: AbortSignal): Promise<void>;
}

export function createImports(rpc: LotusRpc): Imports {
  /** Two calls at once about one piece would import it twice. */
  const underWay = new Map<string, Promise<void>>();

  async function list(signal: AbortSignal): Promise<Import[]> {
    return listOf(await rpc.call('ClientListImports', [], { signal }), 'imports').map(importOf);
  }

  async function remove({ key }: Import, signal: AbortSignal): Promise<void> {
    try {
      await rpc.call('ClientRemoveImport', [key], { signal });
    } catch (error) {
      // Somebody else was faster, or an earlier call of ours whose reply was lost.
      const isGone = error instanceof LotusRefusal && !(await list(signal)).some((one) => one.key === key);
      if (!isGone) throw error;
    }
  }

  /** An import that an earlier call made, known or not, is found by its file: nothing is remembered here. */
  async function importOnce(piece: BuiltPiece & { id: string }, file: string, signal: AbortSignal): Promise<void> {
    const same = (await list(signal)).filter(({ files }) => files.includes(file));
    for (const stale of same.filter(({ rootCid }) => rootCid !== piece.rootCid)) await remove(stale, signal);
    if (same.some(({ rootCid }) => rootCid === piece.rootCid)) return;
    const reply = await rpc.call('ClientImport', [{ Path: file, IsCAR: true }], { signal, deadlineMs: IMPORT_DEADLINE_MS });
    const { Root, ImportID } = fieldsOf(reply, 'import');
    if (cidOf(Root, 'root of an import') === piece.rootCid) return;
    await remove({ key: idOf(ImportID, 'import id'), files: [file], rootCid: undefined }, signal);
    throw new ColdError('refused', `the CAR of piece ${piece.id} has another root than the piece: build it again`);
  }

  return {
    stage(piece, file, signal) {
      const path = resolve(file);
      const earlier = underWay.get(path) ?? Promise.resolve();
      const mine = earlier.catch(() => undefined).then(() => importOnce(piece, path, signal));
      const kept = mine.finally(() => {
        if (underWay.get(path) === kept) underWay.delete(path);
      });
      underWay.set(path, kept);
      return kept;
    },
    async unstage(piece, signal) {
      // The file's name holds the piece's id. Imports of the same root that others made are theirs.
      const ours = (await list(signal)).filter(({ files }) => files.some((file) => basename(file).includes(piece.id)));
      for (const one of ours) await remove(one, signal);
    },
  };
}

function importOf(value: unknown): Import {
  const fields = fieldsOf(value, 'import');
  const isWhole = fields.Err === '' && fields.Root !== null && fields.Root !== undefined;
  return {
    key: idOf(fields.Key, 'import id'),
    files: [textOf(fields.FilePath, 'file of an import'), textOf(fields.CARPath ?? '', 'CAR of an import')],
    rootCid: isWhole ? cidOf(fields.Root, 'root of an import') : undefined,
  };
}
