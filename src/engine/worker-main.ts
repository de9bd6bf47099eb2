/**
 * Entry of a worker process: `worker-main.js LOG_CAP STDOUT_FILE STDERR_FILE SCRATCH_DIR`, forked as the leader of its own
 * process group, which parent-watch.ts ends when the parent is gone.
 */
import { startMonitor } from './worker-monitor.js';

// The thread starts while the modules of the engine are loaded.
const monitor = startMonitor();
const { serve } = await import('./worker-tasks.js');
serve(await monitor);
