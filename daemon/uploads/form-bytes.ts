const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Counts what the files of a form have: the bytes of its parts without their heads. Called with the form in pieces, as it comes;
 * returns how many there were so far, short by what may yet be the beginning of a boundary.
 */
export function createFormCounter(contentType: string): (piece: Uint8Array) => number {
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const partEnd = Buffer.from(`\r\n--${boundary?.[1] ?? boundary?.[2] ?? ''}`);
  let isInHead = false;
  let bytes = 0;
  // The first boundary has no line before it.
  let rest: Buffer = Buffer.from('\r\n');
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    for (;;) {
      const mark = isInHead ? HEAD_END : partEnd;
      const at = rest.indexOf(mark);
      const passed = at === -1 ? Math.max(0, rest.length - mark.length + 1) : at;
      if (!isInHead) bytes += passed;
      rest = rest.subarray(at === -1 ? passed : at + mark.length);
      if (at === -1) return bytes;
      isInHead = !isInHead;
    }
  };
}
