import type { Alias, Document, YAMLError } from 'yaml';
import type { ErrorCode } from '../errors.js';
import { FORBIDDEN_KEYS, type Path } from './layer.js';
import { MAX_DEPTH, tooDeepAt } from './yaml-limits.js';
import { yamlPackage } from './yaml-package.js';

/** Times that aliases (`*name`) may be followed, and values they may produce: more is an alias bomb. */
const MAX_ALIASES = 100;
const MAX_VALUES = 200_000;

const TAG_REFUSED = 'tags (words with !) are not supported here';

/** Characters from `start` up to `end` of the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface YamlProblem {
  readonly code: ErrorCode;
  readonly path: Path;
  readonly message: string;
  readonly cure: string;
  readonly span: Span;
}

export interface YamlText {
  readonly value: unknown;
  /** Key and value of every path, by `spanKey(path)`. */
  readonly spans: ReadonlyMap<string, { readonly key: Span; readonly value: Span }>;
  readonly problems: readonly YamlProblem[];
}

export function spanKey(path: Path): string {
  return JSON.stringify(path);
}

/**
 * Reads one YAML 1.2 document with the core schema and nothing that can surprise: no custom tags, no merge keys, no
 * repeated or prototype keys, no numbers that cannot be held. Keys keep the text that was written (`007` stays `007`).
 */
export function parseYaml(text: string): YamlText {
  const deep = tooDeepAt(text);
  if (deep !== null) {
    const problem: YamlProblem = {
      code: 'CONFIG_SYNTAX',
      path: [],
      message: `nested deeper than ${MAX_DEPTH} levels`,
      cure: 'no option needs so many levels; check the brackets and the indentation',
      span: { start: deep, end: deep + 1 },
    };
    return { value: null, spans: new Map(), problems: [problem] };
  }
  const document = yamlPackage().parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false, // the reader compares keys as they are written
    strict: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const syntax = syntaxProblems(document);
  if (syntax.length > 0) return { value: null, spans: new Map(), problems: syntax };
  const reader = new DocumentReader(document);
  const value = reader.read(document.contents, []);
  return { value: value ?? null, spans: reader.spans, problems: reader.problems };
}

/** Unknown tags are all told; of other errors the first, since the rest follow from it. */
function syntaxProblems(document: Document): YamlProblem[] {
  const all: YAMLError[] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  const independent = new Set(['TAG_RESOLVE_FAILED']);
  const firstOther = all.find((error) => !independent.has(error.code));
  return all
    .filter((error) => error === firstOther || independent.has(error.code))
    .map((error) => ({
      code: 'CONFIG_SYNTAX' as const,
      path: [],
      ...syntaxText(error),
      span: { start: error.pos[0], end: error.pos[1] },
    }));
}

function syntaxText(error: YAMLError): { message: string; cure: string } {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { message: 'a tab is used as indentation', cure: 'indent with blanks' };
    case 'TAG_RESOLVE_FAILED':
      return { message: TAG_REFUSED, cure: 'remove the tag, or put the text in quotes' };
    case 'MULTIPLE_DOCS':
      return { message: 'a second document begins here', cure: 'keep one document per file; remove the ---' };
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return {
        message: 'this is not valid YAML: a nested block begins where a value was expected',
        cure: 'align the keys of a block; put text that holds ": " in quotes',
      };
    case 'BAD_SCALAR_START':
      return { message: 'this is not valid YAML: text may not begin so', cure: 'put the text in quotes' };
    default:
      return {
        message: `this is not valid YAML: ${lowerFirst(error.message)}`,
        cure: 'check indentation, quotes and brackets here and in the line above',
      };
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Turns the nodes of a document into plain values and notes where each stands. */
class DocumentReader {
  readonly spans = new Map<string, { key: Span; value: Span }>();
  readonly problems: YamlProblem[] = [];
  #values = 0;
  #aliases = 0;
  #isStopped = false;

  constructor(readonly document: Document) {}

  read(node: unknown, path: Path): unknown {
    const { isAlias, isMap, isScalar, isSeq } = yamlPackage();
    if (this.#isStopped) return null;
    if (++this.#values > MAX_VALUES) return this.#stop(node, path, `more than ${MAX_VALUES} values`);
    if (isAlias(node)) return this.#readAlias(node, path);
    this.#refuseTag(node, path);
    if (isMap(node)) return this.#readMap(node.items, path);
    if (isSeq(node)) {
      return node.items.map((item, i) => {
        const at = [...path, i];
        this.spans.set(spanKey(at), { key: spanOf(item), value: spanOf(item) });
        return this.read(item, at);
      });
    }
    return isScalar(node) ? this.#readScalar(node, path) : null;
  }

  /** `!` alone is a tag too: what looks like a text is empty then. */
  #refuseTag(node: unknown, path: Path): void {
    const tag = (node as { tag?: string } | null)?.tag;
    if (tag === undefined || tag.startsWith('tag:yaml.org,2002:')) return;
    this.#report(node, path, TAG_REFUSED, 'remove the tag, or put the text in quotes');
  }

  #readAlias(alias: Alias, path: Path): unknown {
    if (++this.#aliases > MAX_ALIASES)
      return this.#stop(alias, path, `aliases are followed more than ${MAX_ALIASES} times`);
    const target = alias.resolve(this.document);
    if (target !== undefined) return this.read(target, path);
    this.#report(alias, path, `there is no anchor &${alias.source}`, 'name an anchor that stands above');
    return null;
  }

  #readMap(pairs: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const { isScalar } = yamlPackage();
    const tree: Record<string, unknown> = {};
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? (key.source ?? String(key.value)) : null;
      if (name === null || name === '') {
        this.#report(key ?? value, path, 'a key must be one word', 'write `key: value`');
      } else if (FORBIDDEN_KEYS.has(name)) {
        this.#report(key, [...path, name], `the key ${name} is not allowed`, 'remove it');
      } else if (Object.hasOwn(tree, name)) {
        this.#report(key, [...path, name], 'this key is given twice', 'keep one of the two');
      } else {
        const at = [...path, name];
        this.spans.set(spanKey(at), {
          key: spanOf(key),
          value: value === null ? spanOf(key) : spanOf(value),
        });
        tree[name] = this.read(value, at);
      }
    }
    return tree;
  }

  #readScalar(node: { value: unknown; source?: string }, path: Path): unknown {
    const { value } = node;
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#report(node, path, `${node.source ?? value} is not a finite number`, 'write null for "no limit"');
      return null;
    }
    const isWritten = /^[-+]?[0-9]+$/.test(node.source ?? '');
    if (typeof value === 'number' && isWritten && !Number.isSafeInteger(value)) {
      this.#report(
        node,
        path,
        `the number ${node.source} has more digits than can be kept`,
        'put it in quotes if it is a label',
      );
    }
    return value;
  }

  #report(node: unknown, path: Path, message: string, cure: string): void {
    this.problems.push({ code: 'CONFIG_SYNTAX', path, message, cure, span: spanOf(node) });
  }

  #stop(node: unknown, path: Path, message: string): null {
    this.#isStopped = true;
    this.#report(node, path, message, 'write the values out');
    return null;
  }
}

function spanOf(node: unknown): Span {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return range ? { start: range[0], end: Math.max(range[1], range[0] + 1) } : { start: 0, end: 1 };
}
