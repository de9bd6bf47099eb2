import type { BatchJobRow } from './executors/batch-adoption.js';
import type { IndexDatabase } from './sqlite-database.js';

/** Results of one node that its usual run time is taken from: the newest. */
const HISTORY = 20;

/** Statements about jobs that were given to a cluster, and about the run times of nodes. */
export class BatchRows {
  readonly #put;
  readonly #jobId;
  readonly #drop;
  readonly #history;

  constructor(db: IndexDatabase) {
    const one = (sql: string) => db.prepare<unknown[], Record<string, unknown>>(sql);
    this.#put = one(
      `INSERT OR REPLACE INTO slurm_job (run_id, token, job_id, first, count, submitted, state)
         VALUES (?, ?, ?, 0, ?, ?, ?)`,
    );
    this.#jobId = one('SELECT job_id FROM slurm_job WHERE token = ?');
    this.#drop = one('DELETE FROM slurm_job WHERE token = ?');
    this.#history = one('SELECT ms FROM result WHERE node = ? ORDER BY created DESC LIMIT ?');
  }

  put({ runId, token, jobId, count }: BatchJobRow, now: number): void {
    this.#put.run(runId, token, jobId, count, now, jobId === null ? 'submitting' : 'submitted');
  }

  jobId(token: string): string | null {
    return (this.#jobId.get(token)?.['job_id'] as string | null | undefined) ?? null;
  }

  drop(token: string): void {
    this.#drop.run(token);
  }

  /** Median run time of the newest results of a node, ms; null without any. */
  typicalMs(node: string): number | null {
    const times = this.#history.all(node, HISTORY).map((row) => row['ms'] as number);
    if (times.length === 0) return null;
    times.sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)] as number;
  }
}
