/** Numbers in numeric order before text in code point order; equal numbers (`7`, `007`) in text order. */
export function compareKeys(a: string, b: string): number {
  const aDigits = /^[0-9]+$/.test(a);
  const bDigits = /^[0-9]+$/.test(b);
  if (aDigits !== bDigits) return aDigits ? -1 : 1;
  if (aDigits) {
    const x = a.replace(/^0+(?=.)/, '');
    const y = b.replace(/^0+(?=.)/, '');
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
  }
  return compareText(a, b);
}

/** Code point order (`<` on strings compares UTF-16 units). */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && i < b.length && a.charCodeAt(i) === b.charCodeAt(i)) i += 1;
  const x = a.charCodeAt(i);
  const y = b.charCodeAt(i);
  if (Number.isNaN(x) || Number.isNaN(y)) return a.length - b.length;
  const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
  // Surrogates stand for code points above every other unit, also those from 0xe000 on.
  if (isSurrogate(x) !== isSurrogate(y)) return isSurrogate(x) ? 1 : -1;
  return x - y;
}

const MAX_KEY_BYTES = 200;

/** What is wrong with the key of an item, or null. A key is part of ids and of log folder names. */
export function checkItemKey(key: string): string | null {
  if (typeof key !== 'string' || key === '') return 'a key is empty';
  const shown = JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}...` : key);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `key ${shown} is longer than ${MAX_KEY_BYTES} bytes`;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(key)) return `key ${shown} holds a control character`;
  if (/\p{Surrogate}/u.test(key)) return `key ${shown} is not valid text`;
  if (/[/\\]/.test(key)) return `key ${shown} holds a path separator`;
  if (key === '.' || key === '..' || key.startsWith('-'))
    return `key ${shown} could be read as a path or an option`;
  if (key.trim() !== key) return `key ${shown} starts or ends with a blank`;
  return null;
}
