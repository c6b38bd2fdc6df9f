import { base36 } from 'multiformats/bases/base36';
import { base58btc } from 'multiformats/bases/base58';
import { bases } from 'multiformats/basics';
import { CID } from 'multiformats/cid';

import { FbpdError } from './errors.ts';

/** The longest CID text accepted: a 128-byte identity digest in base16 is 272 characters. */
const MAX_CID_LENGTH_CHARS = 512;

/**
 * Parses a CID in any multibase and either version.
 *
 * @throws FbpdError `BAD_REQUEST` with `subject` when it is not one.
 */
export function parseCid(text: string, subject = 'cid'): CID {
  if (text.length > MAX_CID_LENGTH_CHARS) {
    throw new FbpdError('BAD_REQUEST', `${subject}: longer than ${MAX_CID_LENGTH_CHARS} characters, so not a CID`, { subject });
  }
  try {
    const first = text[0] ?? '';
    if (text.startsWith('Qm') || text.startsWith('1')) return CID.parse(text);
    const base = Object.values({ ...bases, base36, base58btc }).find((candidate) => candidate.prefix === first);
    return base === undefined ? CID.parse(text) : CID.parse(text, base.decoder);
  } catch (cause) {
    throw new FbpdError('BAD_REQUEST', `${subject}: ${JSON.stringify(text.slice(0, 80))} is not a CID`, { subject, cause });
  }
}

/**
 * The one name of a content on this box: CIDv1 in base32. Two CIDs are one content when codec and multihash agree,
 * whatever version and multibase they were written in.
 */
export function contentKeyOf(cid: CID): string {
  return cid.toV1().toString();
}

const RAW = 0x55;

/** The one name of the bytes that a content's root block is, whatever codec it is called by. */
export function rawKeyOf(contentKey: string): string {
  return CID.createV1(RAW, CID.parse(contentKey).multihash).toString();
}
