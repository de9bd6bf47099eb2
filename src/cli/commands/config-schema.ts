import { configJsonSchema } from '../../config/index.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** `pipeline config schema`: JSON Schema of the blocks of all workflows. */
export async function configSchemaCommand(_options: unknown, session: Session): Promise<number> {
  const catalog = await openCatalog(session);
  session.terminal.result(JSON.stringify(configJsonSchema(await catalog.namespaces()), null, 2));
  return EXIT.done;
}
