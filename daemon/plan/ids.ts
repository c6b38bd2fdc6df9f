import { createHash } from 'node:crypto';

/** Of our own making: ids of different kinds never meet, whatever their names are. */
const NAMESPACE = Buffer.from('8f0e6a0c4b1d5c55a1d3f6b7c8d9e0f1', 'hex');

/** Of a piece and how many deals were ever intended for it: the same intent has the same id, whoever thinks of it again. */
export function dealIdOf(pieceId: string, generation: number): string {
  return uuidV5(`deal\n${pieceId}\n${generation}`);
}

/** Of what is in it and when it was sealed. */
export function pieceIdOf(policy: string, contentKeys: readonly string[], sealedMs: number): string {
  return uuidV5(`piece\n${policy}\n${sealedMs}\n${contentKeys.join('\n')}`);
}

/** Of what was cut and when. */
export function cutIdOf(policy: string, contentKey: string, cutMs: number): string {
  return uuidV5(`cut\n${policy}\n${cutMs}\n${contentKey}`);
}

/** Orders equally good providers differently for each piece, so that load spreads, and always the same for one piece. */
export function tieBreak(pieceId: string, providerId: string): string {
  return createHash('sha256').update(`${pieceId}\n${providerId}`).digest('hex');
}

/** RFC 9562, version 5. */
function uuidV5(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
