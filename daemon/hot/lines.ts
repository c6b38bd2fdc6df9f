import { StringDecoder } from 'node:string_decoder';

/** A line of kubo's is a CID or a counter; one that never ends is not kubo's. */
const LINE_CHARS_MAX = 1024 * 1024;

/**
 * The lines of a byte stream, empty ones left out. The stream is read only as fast as the lines are taken.
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARS_MAX) throw new Error(`a line longer than ${LINE_CHARS_MAX} characters`);
    for (const line of lines) if (line !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}
