import { configJsonSchema } from '../../config/index.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** A key of a workflow's block, from its JSON Schema. */
interface ShownKey {
  readonly path: string;
  readonly fallback: string;
  readonly meaning: string;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly description?: string;
}

/** `pipeline show NAME`: what a workflow is for, what it needs and makes, and every key of its block. */
export async function showCommand(
  name: string,
  options: { readonly json?: boolean },
  session: Session,
): Promise<number> {
  const catalog = await openCatalog(session);
  const entry = catalog.find(name);
  const definition = await entry.definition();
  const schema = configJsonSchema({ [definition.configNamespace]: definition.configSchema }) as SchemaNode;
  const block = schema.properties?.[definition.configNamespace] ?? {};
  const products = Object.entries(definition.produces).map(([product, dir]) => ({
    product,
    follows: `${definition.configNamespace}.${dir.key}`,
  }));
  const { tools } = definition.requires;
  if (options.json === true) {
    const shown = {
      name: entry.name,
      summary: entry.summary,
      scope: entry.scope,
      source: entry.source,
      config_namespace: definition.configNamespace,
      produces: products,
      requires: { tools, products: definition.requires.products },
      config_schema: block,
    };
    session.terminal.result(JSON.stringify(shown, null, 2));
    return EXIT.done;
  }
  const lines = [`${entry.name}: ${entry.summary}`, `  scope: ${entry.scope}`, `  from: ${entry.source}`];
  if (tools.length > 0) lines.push(`  needs programs: ${tools.join(', ')}`);
  if (definition.requires.products.length > 0) {
    lines.push(`  needs results: ${definition.requires.products.join(', ')}`);
  }
  for (const { product, follows } of products) lines.push(`  makes: ${product}, the folder ${follows}`);
  lines.push('', 'configuration (key, default, meaning)');
  const keys = keysOf(block, definition.configNamespace);
  const width = Math.max(...keys.map((key) => key.path.length));
  const fallbackWidth = Math.min(24, Math.max(...keys.map((key) => key.fallback.length)));
  for (const { path, fallback, meaning } of keys) {
    lines.push(`  ${path.padEnd(width)}  ${fallback.padEnd(fallbackWidth)}  ${meaning}`.trimEnd());
  }
  for (const line of lines) session.terminal.result(line);
  return EXIT.done;
}

function keysOf(node: SchemaNode, path: string): ShownKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const at = `${path}.${key}`;
    if (child.properties !== undefined) return keysOf(child, at);
    const missing = node.required?.includes(key) === true ? 'required' : 'optional';
    const fallback = child.default === undefined ? missing : JSON.stringify(child.default);
    return [{ path: at, fallback, meaning: child.description ?? '' }];
  });
}
