/**
 * Entry of a worker process: `worker-main.js PARENT_PID LOG_CAP STDOUT_FILE STDERR_FILE SCRATCH_DIR`, forked as
 * the leader of its own process group. It is watched before the modules of the engine are loaded, which takes longest:
 * a parent that is killed while a worker starts must not leave it behind.
 */
import { startWatchdog } from './watchdog.js';

process.on('disconnect', () => {
  process.kill(-process.pid, 'SIGKILL');
});
const watching = startWatchdog(Number(process.argv[2]));
const { serve } = await import('./worker-tasks.js');
serve(await watching);
