import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** `pipeline list`: name and one sentence of every workflow. Loads no workflow. */
export async function listCommand(options: { readonly json?: boolean }, session: Session): Promise<number> {
  const { entries } = await openCatalog(session);
  if (options.json === true) {
    const listed = entries.map(({ name, summary, scope, namespace, source }) => ({
      name,
      summary,
      scope,
      config_namespace: namespace,
      source,
    }));
    session.terminal.result(JSON.stringify(listed, null, 2));
    return EXIT.done;
  }
  const width = Math.max(...entries.map((entry) => entry.name.length));
  for (const entry of entries) session.terminal.result(`${entry.name.padEnd(width)}  ${entry.summary}`);
  return EXIT.done;
}
