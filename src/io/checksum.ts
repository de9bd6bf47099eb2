/**
 * Hash of Bob Jenkins (lookup3, `hashlittle` with a start of 0), the checksum of HDF5 metadata.
 *
 * @returns unsigned 32-bit number
 * @see Jenkins 2006, lookup3.c (public domain)
 */
export function lookup3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [a, b, c] = [0xdeadbeef + bytes.length, 0xdeadbeef + bytes.length, 0xdeadbeef + bytes.length];
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    a = (a + view.getUint32(at, true)) | 0;
    b = (b + view.getUint32(at + 4, true)) | 0;
    c = (c + view.getUint32(at + 8, true)) | 0;
    a = (a - c) ^ rotated(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotated(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotated(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotated(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotated(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotated(b, 4);
    b = (b + a) | 0;
  }
  if (at === bytes.length) return c >>> 0;
  const last = new Uint8Array(12);
  last.set(bytes.subarray(at));
  const words = new DataView(last.buffer);
  a = (a + words.getUint32(0, true)) | 0;
  b = (b + words.getUint32(4, true)) | 0;
  c = (c + words.getUint32(8, true)) | 0;
  c = (c ^ b) - rotated(b, 14);
  a = (a ^ c) - rotated(c, 11);
  b = (b ^ a) - rotated(a, 25);
  c = (c ^ b) - rotated(b, 16);
  a = (a ^ c) - rotated(c, 4);
  b = (b ^ a) - rotated(a, 14);
  c = (c ^ b) - rotated(b, 24);
  return c >>> 0;
}

function rotated(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
