import { CID } from 'multiformats/cid';
import type { Proposal } from '../cold/chain/proposal.ts';
import { pieceCidOf } from '../cold/pieces/commp.ts';
import { rawCidOf } from '../cold/pieces/links.ts';
import { heightOfPiece, quadsAround, rootAbove } from '../cold/pieces/multiproof.ts';
import { NODE_BYTES, QUAD_BYTES } from '../cold/pieces/subtree.ts';
import { isBlockOf } from '../domain/block-hash.ts';
import type { Receipt, ReceiptDeal, ReceiptPiece } from '../domain/receipt.ts';
import { bytesOf, digestOf, readReceipt } from './form.ts';
import { proposalCids, readProposal } from './proposal.ts';
import { isSignedBy } from './signature.ts';

/**
 * - `proven`: it follows from the receipt itself, whoever made it; or, of the chain, the node that was asked says so
 * - `claimed`: the receipt says so, and it takes the chain to tell
 * - `unknown`: the node that was asked cannot tell
 * - `failed`: it is not so
 */
export interface Finding {
  state: 'proven' | 'claimed' | 'unknown' | 'failed';
  /** Absent for what is about all of it. */
  piece?: string;
  /** Number on the chain of the deal that it is about. */
  deal?: number;
  text: string;
}

/** A deal whose proposal could be read. */
export interface CheckedDeal {
  pieceCid: string;
  deal: ReceiptDeal;
  proposal: Proposal;
  proposalBytes: Uint8Array;
  signature: Uint8Array;
}

export interface Checked {
  /** Undefined when it is none. */
  receipt: Receipt | undefined;
  deals: readonly CheckedDeal[];
  findings: readonly Finding[];
}

/** All that can be told of a receipt with nothing at hand but itself. */
export function checkReceipt(text: string): Checked {
  let receipt: Receipt;
  try {
    receipt = readReceipt(text);
  } catch (error) {
    return { receipt: undefined, deals: [], findings: [{ state: 'failed', text: `this is no receipt: ${reasonOf(error)}` }] };
  }
  const findings: Finding[] = [wholeness(receipt)];
  const deals: CheckedDeal[] = [];
  const seen = new Set<string>();
  if (receipt.pieces.length === 0) findings.push({ state: 'failed', text: 'it names no piece' });
  for (const piece of receipt.pieces) {
    findings.push({ piece: piece.pieceCid, ...finding(() => provePlace(receipt.cid, piece)) });
    const { part } = piece.claims;
    if (part !== undefined)
      findings.push({ piece: piece.pieceCid, state: 'claimed', text: `the piece is part ${part.number} of ${part.of} of the content` });
    if (piece.deals.length === 0) findings.push({ piece: piece.pieceCid, state: 'failed', text: 'it names no deal about the piece' });
    for (const deal of piece.deals) {
      // What is listed twice would pass for two copies.
      const marks = [`number ${deal.claims.dealId}`, deal.proposal];
      if (marks.some((mark) => seen.has(mark)))
        findings.push({ piece: piece.pieceCid, deal: deal.claims.dealId, state: 'failed', text: 'the receipt lists this deal twice' });
      for (const mark of marks) seen.add(mark);
      const checked = checkDeal(piece, deal);
      findings.push(...checked.findings.map((one) => ({ piece: piece.pieceCid, deal: deal.claims.dealId, ...one })));
      if (checked.deal !== undefined) deals.push(checked.deal);
    }
  }
  return { receipt, deals, findings };
}

/** Whoever changes a receipt can make its digest anew: it tells of damage, and of nothing else. */
function wholeness(receipt: Receipt): Finding {
  return digestOf(receipt) === receipt.digest
    ? { state: 'proven', text: 'the receipt is as it was made: nothing of it is damaged' }
    : { state: 'failed', text: 'the receipt is damaged: its digest is that of another one' };
}

/** From the block to the piece. */
function provePlace(cid: string, piece: ReceiptPiece): string {
  const height = heightOfPiece(piece.pieceSize);
  const { offset, length } = piece.section;
  const quads = quadsAround(offset, length);
  const window = bytesOf(piece.window);
  if (window.length !== QUAD_BYTES * (quads.to - quads.from)) throw new TypeError('its window is not that of the section');
  const siblings = piece.proof.map(bytesOf);
  if (siblings.some((node) => node.length !== NODE_BYTES)) throw new TypeError(`a node of its proof has not ${NODE_BYTES} bytes`);
  const parts = Array.from({ length: quads.to - quads.from }, (_, i) => window.subarray(QUAD_BYTES * i, QUAD_BYTES * (i + 1)));
  const root = rootAbove(parts, quads.from, height, siblings);
  if (root === undefined) throw new TypeError('its proof does not fit the place of the section in the piece');
  if (pieceCidOf(root) !== piece.pieceCid) throw new TypeError(`its proof leads to another piece, ${pieceCidOf(root)}`);
  const from = offset - QUAD_BYTES * quads.from;
  const block = blockIn(window.subarray(from, from + length), cid);
  return `the root block, of ${block.length} bytes, hashes to ${cid} and lies in the piece at byte ${offset + length - block.length}`;
}

/** The section is a varint of what follows, the CID, the block. */
function blockIn(section: Uint8Array, text: string): Uint8Array {
  const cid = CID.parse(text);
  if (cid.toString() !== text || cid.version !== 1) throw new TypeError('its CID is not written as version 1 in base32');
  let length = 0;
  let at = 0;
  for (let byte = 0x80; byte >= 0x80; at++) {
    byte = section[at] ?? 0;
    if (at === section.length || at > 6) throw new TypeError('no section begins there');
    length += (byte & 0x7f) * 0x80 ** at;
  }
  if (length !== section.length - at) throw new TypeError('the section there has another length');
  const rest = section.subarray(at);
  // In a part of a cut content it lies as raw, so that who walks the part is not led out of it: the hash is the same.
  const name = [cid.bytes, rawCidOf(cid.bytes).bytes].find((bytes) => Buffer.from(bytes).equals(rest.subarray(0, bytes.length)));
  if (name === undefined) throw new TypeError('the block there has another CID');
  const block = rest.subarray(name.length);
  const isRight = isBlockOf(cid, block);
  if (isRight === undefined) throw new TypeError('its CID names a hash function that cannot be checked here');
  if (!isRight) throw new TypeError('the block there does not hash to the CID');
  return block;
}

function checkDeal(piece: ReceiptPiece, deal: ReceiptDeal): { deal?: CheckedDeal; findings: Finding[] } {
  const { clientId, dealId, publishCid, sectorStartEpoch, lastVerified } = deal.claims;
  let checked: CheckedDeal;
  try {
    const [proposalBytes, signature] = [bytesOf(deal.proposal), bytesOf(deal.signature)];
    checked = { pieceCid: piece.pieceCid, deal, proposal: readProposal(proposalBytes), proposalBytes, signature };
  } catch (error) {
    return { findings: [{ state: 'failed', text: `its proposal cannot be read: ${reasonOf(error)}` }] };
  }
  const findings = [finding(() => proveSigned(piece, checked)), finding(() => proveCids(checked))];
  const by = publishCid === undefined ? '' : `, published by the message ${publishCid}`;
  findings.push({
    state: 'claimed',
    text: `the deal has the number ${dealId} on the chain${by}, and its client the ID address ${clientId}`,
  });
  findings.push({
    state: 'claimed',
    text: `it is in a sector since epoch ${sectorStartEpoch}, as the final chain had it at epoch ${lastVerified.epoch}, ${lastVerified.at}`,
  });
  return { deal: checked, findings };
}

function proveSigned(piece: ReceiptPiece, { proposal, proposalBytes, signature }: CheckedDeal): string {
  const { pieceCid, pieceSizeBytes, client, provider, startEpoch, endEpoch, pricePerEpochAtto } = proposal;
  if (pieceCid !== piece.pieceCid) throw new TypeError(`its proposal is about another piece, ${pieceCid}`);
  if (pieceSizeBytes !== piece.pieceSize)
    throw new TypeError(`its proposal is about a piece of ${pieceSizeBytes} bytes, not ${piece.pieceSize}`);
  const isSigned = isSignedBy(client, proposalBytes, signature);
  if (isSigned === undefined) throw new TypeError(`whether ${client} signed the proposal cannot be told from its address`);
  if (!isSigned) throw new TypeError(`the proposal is not signed by its client ${client}`);
  return `${client} signed a proposal to ${provider} about this piece, from epoch ${startEpoch} to ${endEpoch} for ${pricePerEpochAtto} attoFIL an epoch`;
}

function proveCids({ deal, proposalBytes, signature }: CheckedDeal): string {
  const cids = proposalCids(proposalBytes, signature, deal.claims.clientId);
  for (const name of ['unsigned', 'normalized', 'signed'] as const)
    if (cids[name] !== deal.proposalCids[name]) throw new TypeError(`the CID of its ${name} proposal is another one, ${cids[name]}`);
  return 'the three CIDs of its proposal are right, the normalized one with the ID address that its client is claimed to have';
}

function finding(prove: () => string): Finding {
  try {
    return { state: 'proven', text: prove() };
  } catch (error) {
    return { state: 'failed', text: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
