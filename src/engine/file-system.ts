import { existsSync, statfsSync } from 'node:fs';
import path from 'node:path';

/** Free for this user where a directory is or would be, bytes; null when the system does not tell. */
export function freeBytes(directory: string): number | null {
  let existing = path.resolve(directory);
  while (!existsSync(existing) && existing !== path.dirname(existing)) existing = path.dirname(existing);
  try {
    const { bavail, bsize } = statfsSync(existing);
    return bavail * bsize;
  } catch {
    return null;
  }
}

export interface FileSystemKind {
  readonly name: string;
  /** Shared between machines: SQLite's WAL must not be used there. */
  readonly isNetwork: boolean;
}

// f_type of statfs(2) on Linux; the names are those of mount(8).
const NETWORK = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x0bd00bd0, 'lustre'],
  [0x47504653, 'gpfs'],
  [0x19830326, 'beegfs'],
  [0x5346414f, 'afs'],
  [0x00c36400, 'ceph'],
  [0xaad7aaea, 'panfs'],
]);

const LOCAL = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
]);

/** The file system under a directory, or under its nearest parent that exists. */
export function fileSystemOf(directory: string): FileSystemKind {
  let existing = path.resolve(directory);
  while (!existsSync(existing) && existing !== path.dirname(existing)) existing = path.dirname(existing);
  if (process.platform !== 'linux') return { name: process.platform, isNetwork: false };
  const type = statfsSync(existing).type >>> 0;
  const network = NETWORK.get(type);
  if (network !== undefined) return { name: network, isNetwork: true };
  return { name: LOCAL.get(type) ?? `0x${type.toString(16)}`, isNetwork: false };
}
