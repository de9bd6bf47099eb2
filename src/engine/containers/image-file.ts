/** Image files in the cache directory: complete under their name, or not there; parts are continued. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, statSync, type Stats } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

import { ProcessingError, StorageError } from '../../errors.js';

/** SHA-256 of a file, 64 hex digits. */
export async function sha256OfFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(
    createReadStream(file, { highWaterMark: 1 << 20 }),
    hash,
    signal === undefined ? {} : { signal },
  );
  return hash.digest('hex');
}

/**
 * Facts of a file or directory; null when it is not there.
 *
 * @throws StorageError when that cannot be told: no permission for a folder above it, links in a circle
 */
export async function statIfThere(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (cause) {
    return nullIfMissing(cause, file);
  }
}

/** As {@link statIfThere}, for those that cannot wait. */
export function statIfThereSync(file: string): Stats | null {
  try {
    return statSync(file);
  } catch (cause) {
    return nullIfMissing(cause, file);
  }
}

function nullIfMissing(cause: unknown, file: string): null {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  const isDenied = code === 'EACCES' || code === 'EPERM';
  throw new StorageError(
    isDenied ? 'IO_DENIED' : 'IO',
    `it cannot be told whether this is there: ${message}`,
    {
      where: file,
      cure: isDenied ? 'correct the permissions of the folders above it' : 'check the path and the disk',
      cause,
    },
  );
}

/** The digest that was recorded at the first use of an image, or null. */
export async function recordedPin(image: string): Promise<string | null> {
  const text = await readOrNull(pinPath(image));
  return text === null ? null : (/^([0-9a-f]{64})\b/.exec(text)?.[1] ?? null);
}

/** Records a digest unless one is there already; in the form that `sha256sum -c` reads. @returns the digest in force */
export async function recordPin(image: string, digest: string): Promise<string> {
  const part = `${pinPath(image)}.part-${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(part, `${digest}  ${path.basename(image)}\n`, { flag: 'wx' });
  try {
    // A link fails where the name is taken: of two first uses, one wins.
    await link(part, pinPath(image));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(part, { force: true });
  }
  return (await recordedPin(image)) ?? digest;
}

export function pinPath(image: string): string {
  return `${image}.sha256`;
}

export interface FetchOptions {
  readonly signal?: AbortSignal;
  /** Bytes so far, of how many (null: not told). */
  readonly onProgress?: (done: number, total: number | null) => void;
}

/** Copies a local file to a part of an image. */
export async function copyToPart(source: string, image: string): Promise<string> {
  const part = await freshPart(image);
  try {
    await copyFile(source, part);
    return part;
  } catch (error) {
    await rm(part, { force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ProcessingError('FILE_MISSING', `the image ${source} does not exist`, {
      where: source,
      cure: 'correct its path',
    });
  }
}

/**
 * Downloads to a part of an image; what an interrupted download left is continued where the server says that the content is still
 * the same.
 *
 * @returns path of the complete part, which is not verified yet
 * @throws ProcessingError IO when the server refuses or the connection breaks; the part stays for the next try
 */
export async function download(url: URL, image: string, options: FetchOptions = {}): Promise<string> {
  const part = await takePart(image);
  const record = await readRecord(part, url);
  try {
    await fetchInto(url, part, record, options);
  } catch (cause) {
    await givePartBack(part, image);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ProcessingError('IO', `download failed for ${url.href}: ${why}`, {
      where: url.href,
      cure: 'try again: what has arrived is kept',
      cause,
    });
  }
  await rm(recordPath(part), { force: true });
  return part;
}

/** What is known of the content of a part. */
interface PartRecord {
  readonly url: string;
  /** Strong entity tag or date, by which the server tells whether its content changed. */
  readonly validator: string;
}

async function fetchInto(
  url: URL,
  part: string,
  record: PartRecord | null,
  { signal, onProgress }: FetchOptions,
): Promise<void> {
  const have = record === null ? 0 : ((await statIfThere(part))?.size ?? 0);
  const response = await fetch(url, {
    headers: have > 0 ? { range: `bytes=${have}-`, 'if-range': record!.validator } : {},
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status !== 200 && response.status !== 206) {
    await response.body?.cancel();
    // The part was complete already, or is of other content: it is fetched anew.
    if (response.status === 416 && have > 0)
      return fetchInto(url, part, null, { ...(signal && { signal }), ...(onProgress && { onProgress }) });
    throw new Error(`the server answers ${response.status} ${response.statusText}`.trim());
  }
  if (url.protocol === 'https:' && !response.url.startsWith('https:')) {
    await response.body?.cancel();
    throw new Error('it is led away from https');
  }
  const isContinued = response.status === 206 && have > 0;
  const start = isContinued ? have : 0;
  if (!isContinued) {
    const tag = response.headers.get('etag');
    const validator = tag !== null && !tag.startsWith('W/') ? tag : response.headers.get('last-modified');
    if (validator === null) await rm(recordPath(part), { force: true });
    else await writeFile(recordPath(part), JSON.stringify({ url: url.href, validator } satisfies PartRecord));
  }
  const length = response.headers.get('content-length');
  const total = length === null ? null : start + Number(length);
  let done = start;
  const body = Readable.fromWeb(response.body as ReadableStream);
  body.on('data', (chunk: Buffer) => {
    done += chunk.length;
    onProgress?.(done, total);
  });
  await pipeline(body, createWriteStream(part, { flags: isContinued ? 'a' : 'w' }));
  if (total !== null && done !== total) throw new Error(`${done} of ${total} bytes arrived`);
}

async function readRecord(part: string, url: URL): Promise<PartRecord | null> {
  const text = await readOrNull(recordPath(part));
  if (text === null) return null;
  const record = JSON.parse(text) as PartRecord;
  return record.url === url.href ? record : null;
}

function recordPath(part: string): string {
  return `${part}.json`;
}

async function freshPart(image: string): Promise<string> {
  await mkdir(path.dirname(image), { recursive: true });
  return `${image}.part-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** A part of one's own: that of a download which ended or whose process is gone, else a new one. Taking is a rename, so one wins. */
async function takePart(image: string): Promise<string> {
  const own = await freshPart(image);
  const directory = path.dirname(image);
  const prefix = `${path.basename(image)}.part`;
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix) || name.endsWith('.json')) continue;
    const pid = /^-(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length))?.[1];
    const isFree =
      name === prefix || (pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid)));
    if (!isFree) continue;
    const left = path.join(directory, name);
    try {
      await rename(left, own);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    await rename(recordPath(left), recordPath(own)).catch(ignoreMissing);
    return own;
  }
  return own;
}

async function givePartBack(part: string, image: string): Promise<void> {
  if ((await readOrNull(recordPath(part))) === null) {
    // Nothing says what it is a part of: it cannot be continued.
    await rm(part, { force: true });
    return;
  }
  await rename(recordPath(part), recordPath(`${image}.part`));
  await rename(part, `${image}.part`).catch(ignoreMissing);
}

/** Gives a part that was verified its name. */
export async function settlePart(part: string, image: string): Promise<void> {
  const file = await open(part, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, image);
}

/** Everything that belongs to an image. */
export async function removeImage(image: string): Promise<boolean> {
  const directory = path.dirname(image);
  const names = await readdir(directory).catch((error: unknown) => {
    ignoreMissing(error);
    return [];
  });
  const base = path.basename(image);
  const own = names.filter(
    (name) => name === base || name.startsWith(`${base}.part`) || name === `${base}.json`,
  );
  for (const name of own) await rm(path.join(directory, name), { force: true });
  return own.length > 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readOrNull(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    ignoreMissing(error);
    return null;
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
