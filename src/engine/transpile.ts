/** TypeScript of users into JavaScript, by the `typescript` package that they have installed themselves. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ConfigError } from '../errors.js';

/** What is used of the package. */
interface TypeScript {
  readonly version: string;
  readonly ScriptTarget: { readonly ES2022: number };
  readonly ModuleKind: { readonly ESNext: number };
  readonly transpileModule?: (
    source: string,
    options: {
      readonly fileName: string;
      readonly reportDiagnostics: boolean;
      readonly compilerOptions: Readonly<Record<string, unknown>>;
    },
  ) => { readonly outputText: string; readonly diagnostics?: readonly Diagnostic[] };
  readonly flattenDiagnosticMessageText: (text: unknown, newLine: string) => string;
}

interface Diagnostic {
  readonly messageText: unknown;
  readonly start?: number;
  readonly file?: {
    getLineAndCharacterOfPosition(position: number): { readonly line: number; readonly character: number };
  };
}

/** Files that are compiled while they are loaded: ES modules. */
export const TYPESCRIPT_MODULE = /\.m?ts$/;

const found = new Map<string, TypeScript>();

/**
 * The `typescript` package that a file finds, as Node looks for it.
 *
 * @param file - absolute path
 * @throws ConfigError LOAD_MODULE when there is none, or one that cannot compile a single file
 */
export function typescriptOf(file: string): TypeScript {
  const directory = path.dirname(file);
  const known = found.get(directory);
  if (known !== undefined) return known;
  const require = createRequire(file);
  let typescript: TypeScript;
  try {
    typescript = require('typescript') as TypeScript;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new ConfigError(
      'LOAD_MODULE',
      `${path.basename(file)} is TypeScript, and no typescript is installed`,
      {
        where: file,
        cure: `run \`npm install --save-dev typescript@5\` in ${projectOf(directory)}, or compile it and load the .js file`,
        cause,
      },
    );
  }
  if (typeof typescript.transpileModule !== 'function') {
    throw new ConfigError(
      'LOAD_MODULE',
      `typescript ${typescript.version} cannot compile a single file from a program`,
      { where: file, cure: `run \`npm install --save-dev typescript@5\` in ${projectOf(directory)}` },
    );
  }
  found.set(directory, typescript);
  return typescript;
}

/** The directory whose package.json a file belongs to. */
function projectOf(directory: string): string {
  for (let at = directory; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, 'package.json'))) return at;
    if (at === path.dirname(at)) return directory;
  }
}

/**
 * The JavaScript of a module, with its source map inside. Types are dropped, not checked: that is `tsc --noEmit`.
 *
 * @param file - absolute path, for messages and the source map
 * @throws ConfigError LOAD_MODULE with line and column when it cannot be parsed
 */
export function transpile(source: string, file: string): string {
  const typescript = typescriptOf(file);
  const { outputText, diagnostics = [] } = (
    typescript.transpileModule as NonNullable<TypeScript['transpileModule']>
  )(source, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: {
      target: typescript.ScriptTarget.ES2022,
      module: typescript.ModuleKind.ESNext,
      inlineSourceMap: true,
    },
  });
  const [first] = diagnostics;
  if (first !== undefined) {
    const text = typescript.flattenDiagnosticMessageText(first.messageText, ' ');
    const at = first.file?.getLineAndCharacterOfPosition(first.start ?? 0);
    const place = at === undefined ? '' : `:${at.line + 1}:${at.character + 1}`;
    throw new ConfigError('LOAD_MODULE', `${path.basename(file)}${place}: ${text}`, {
      where: `${file}${place}`,
      cure: 'correct the line; `npx tsc --noEmit` shows every error of the project',
    });
  }
  return outputText;
}
