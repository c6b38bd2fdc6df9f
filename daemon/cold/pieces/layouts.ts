import type { PieceLayout, PieceLayouts } from '../../domain/piece-layout.ts';
import type { Log } from '../../log.ts';
import { createPieceLayout } from './layout.ts';
import type { Manifest } from './manifest.ts';
import type { Manifests } from './manifests.ts';

/** Tables of places kept, of the pieces that were read last. */
const OPEN_MAX = 4;

/** Where blocks lie, by the manifests. */
export function createPieceLayouts(manifests: Manifests, log: Log): PieceLayouts {
  /** By piece id, the one used last at the end. */
  const opened = new Map<string, { manifest: Manifest; layout: PieceLayout }>();
  return {
    async of(piece) {
      try {
        const manifest = await manifests.of(piece);
        const before = opened.get(piece.id);
        opened.delete(piece.id);
        if (manifest === undefined) return undefined;
        // The same manifest is the same object for as long as it is one of those that were read last.
        const layout =
          before?.manifest === manifest ? before.layout : createPieceLayout(manifest, (error) => manifests.damaged(piece.id, error));
        opened.set(piece.id, { manifest, layout });
        for (const id of opened.keys()) if (opened.size > OPEN_MAX) opened.delete(id);
        return layout;
      } catch (error) {
        log.warn({ err: error, piece: piece.id }, 'the manifest of a piece cannot be read: its contents can only be read with all of it');
        return undefined;
      }
    },
  };
}
