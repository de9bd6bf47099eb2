/** Loaded before a command: as in a shell with `umask 077`. */
import { isMainThread } from 'node:worker_threads';

// A thread has the mask of its process and may not set it.
if (isMainThread) process.umask(0o077);
