import { CID } from 'multiformats/cid';

const LINK_TAG = 42;

/**
 * The links in a dag-cbor block in the order in which they are written: walking decoded maps would sort keys that look like
 * numbers to the front.
 */
export function cborLinks(block: Uint8Array): CID[] {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const links: CID[] = [];
  let at = 0;
  const argument = (info: number): number => {
    if (info < 24) return info;
    const length = 2 ** (info - 24);
    const start = at;
    at += length;
    if (length === 1) return view.getUint8(start);
    if (length === 2) return view.getUint16(start);
    return length === 4 ? view.getUint32(start) : Number(view.getBigUint64(start));
  };
  const item = (isLink: boolean): void => {
    const first = view.getUint8(at);
    at += 1;
    const value = argument(first & 31);
    const major = first >> 5;
    if (major === 2 || major === 3) {
      // A link is a byte string: a zero, then the CID.
      if (isLink) links.push(CID.decode(block.subarray(at + 1, at + value)));
      at += value;
    } else if (major === 4 || major === 5) {
      for (let count = value * (major - 3); count > 0; count -= 1) item(false);
    } else if (major === 6) item(value === LINK_TAG);
  };
  item(false);
  return links;
}
