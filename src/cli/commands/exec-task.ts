import { execTask } from '../../engine/executors/exec-task.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';

/** `pipeline exec-task DIR`: what a cluster job runs. How its nodes ended stands in their status files. */
export async function execTaskCommand(directory: string, session: Session): Promise<number> {
  await execTask(directory, session.env);
  return EXIT.done;
}
