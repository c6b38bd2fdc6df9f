import { decode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { CODECS } from '../cold/pieces/links.ts';
import type { DagTracker } from './dag-tracker.ts';
import type { BlockSink } from './sink.ts';

export interface PartSinkOptions {
  /** Of the content, and where its blocks go. */
  content: DagTracker;
  sink: BlockSink;
  /** Of the part, from its own root. */
  part: DagTracker;
  partRoot: CID;
}

/** What a raw block of a part may be within the content: what was cut through is linked as raw there. */
const NODE_CODECS = [CODECS.dagPb, CODECS.dagCbor, CODECS.dagJson];

/**
 * Takes in the blocks of one part of a content: each under the CID by which the content links to it. The nodes above them are the
 * part's own and go nowhere. A block to which nothing leads yet is passed over, and stays missing.
 */
export function createPartSink({ content, sink, part, partRoot }: PartSinkOptions): BlockSink {
  const own = new Set([partRoot.toString()]);

  function namesOf(cid: CID): CID[] {
    if (cid.code !== CODECS.raw) return [cid];
    return [cid, ...NODE_CODECS.map((code) => CID.createV1(code, cid.multihash))];
  }

  return {
    async take(cid, bytes) {
      if (!part.isMissing(cid)) return false;
      if (own.has(cid.toString())) {
        for (const node of nodesIn(bytes)) own.add(node.toString());
        return part.take(cid, bytes);
      }
      const names = namesOf(cid);
      const missing = names.filter((name) => content.isMissing(name));
      if (missing.length === 0 && !names.some((name) => content.isKnown(name))) return false;
      for (const name of missing) await sink.take(name, bytes);
      return part.take(cid, bytes);
    },
    settled: () => sink.settled(),
  };
}

/** Nodes of the part's own that this one links to. It hashes to what we have made once. */
function nodesIn(bytes: Uint8Array): CID[] {
  const { nodes } = decode<{ nodes?: CID[] }>(bytes);
  return nodes ?? [];
}
