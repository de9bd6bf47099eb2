import { describedKeys, nearest, type DescribedKey } from '../../config/index.js';
import { ConfigError } from '../../errors.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** `pipeline config explain KEY`: what a key, or every key of a block, means and takes. */
export async function configExplainCommand(
  key: string,
  options: { readonly json?: boolean },
  session: Session,
): Promise<number> {
  const all = describedKeys(await (await openCatalog(session)).namespaces());
  const found = all.filter(({ path }) => `${path.join('.')}.`.startsWith(`${key}.`));
  if (found.length === 0) {
    const names = all.map(({ path }) => path.join('.'));
    const blocks = names.map((name) => name.slice(0, Math.max(0, name.lastIndexOf('.'))));
    const near = nearest(key, [...new Set([...names, ...blocks])]);
    throw new ConfigError(
      'USAGE',
      `there is no key ${key}${near === null ? '' : `; did you mean ${near}?`}`,
      {
        cure: 'see `pipeline config schema` or `pipeline show NAME` for all keys',
      },
    );
  }
  const shown = found.map(({ path, fallback, ...rest }) => ({
    key: path.join('.'),
    ...rest,
    ...(fallback !== undefined && { default: fallback }),
  }));
  session.terminal.result(
    options.json === true ? JSON.stringify(shown, null, 2) : found.map(explanation).join('\n\n'),
  );
  return EXIT.done;
}

function explanation({ path, meaning, accepts, fallback }: DescribedKey): string {
  const given = fallback === undefined ? 'none, it must be given' : JSON.stringify(fallback);
  const name = path.join('.');
  return [
    name,
    ...(meaning === '' ? [] : [`  ${meaning}`]),
    `  takes:   ${accepts}`,
    `  default: ${given}`,
    `  set by:  --set ${name}=VALUE, or NEUROLOOM_SET__${path.join('__')}`,
  ].join('\n');
}
