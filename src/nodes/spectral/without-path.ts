import type { InputFile } from '../../engine/port.js';

/** The name of a file instead of its place on this machine: the reason is cached and published. */
export function withoutPath(message: string, { path, relPath }: InputFile): string {
  return message.replaceAll(path, relPath);
}
