import type { CacheStore, KeyComponent, LastAttempt, Lookup } from './cache-store.js';
import type { RunReason } from './events.js';
import type { Fingerprint } from './fingerprint.js';
import { parameterChange } from './parameter-change.js';

/** What a person asked for that decides about instances whatever the cache holds. */
export type Demand = Extract<RunReason, { kind: 'forced' | 'not-cacheable' }>;

/**
 * The one reason why an instance runs.
 *
 * @param asked - what a person asked for, or what the cache said about its key (not a hit)
 * @param last - its newest attempt in earlier runs
 */
export function runReason(
  store: Pick<CacheStore, 'components' | 'literal'>,
  fingerprint: Fingerprint,
  asked: Demand | Lookup,
  last: LastAttempt | undefined,
): RunReason {
  if ('kind' in asked) return asked;
  if (asked.outcome === 'output-missing') {
    return { kind: 'output-missing', path: asked.path, before: asked.before };
  }
  if (asked.outcome === 'output-changed') {
    const { path, before, after } = asked;
    return { kind: 'output-changed', path, before, after };
  }
  if (last === undefined) return { kind: 'new' };
  if (last.key === fingerprint.key) {
    switch (last.state) {
      case 'failed':
        return { kind: 'previous-failure', failureClass: last.failureClass ?? 'error' };
      case 'running':
      case 'interrupted':
        return { kind: 'previous-failure', failureClass: 'killed' };
      case 'cancelled':
        return { kind: 'previous-failure', failureClass: 'cancelled' };
      case 'done':
      case 'skipped':
      case 'reused':
        return {
          kind: 'output-missing',
          path: `objects/${last.key.slice(0, 2)}/${last.key}`,
          before: last.key.slice(0, 12),
        };
    }
  }
  const found = firstDifference(store.components(last.key), fingerprint.components, {
    before: (digest) => store.literal(digest),
    after: (digest) => fingerprint.literals.get(digest) ?? null,
  });
  return found ?? { kind: 'new' };
}

/** What is most telling when several parts of a key differ: what a person did comes before what follows from it. */
const ORDER: readonly KeyComponent['kind'][] = [
  'node',
  'version',
  'code',
  'params',
  'input',
  'tool',
  'env',
  'container',
  'seed',
];

/** JSON of parameters by digest, where it is longer than their short text; null: not known. */
export interface KnownLiterals {
  readonly before: (digest: string) => string | null;
  readonly after: (digest: string) => string | null;
}

const NO_LITERALS: KnownLiterals = { before: () => null, after: () => null };

/** The first part that differs between two keys, or null when the earlier one is not known or nothing differs. */
export function firstDifference(
  before: readonly KeyComponent[],
  after: readonly KeyComponent[],
  literals: KnownLiterals = NO_LITERALS,
): RunReason | null {
  if (before.length === 0) return null;
  const earlier = new Map(before.map((part) => [`${part.kind} ${part.name}`, part]));
  const later = new Map(after.map((part) => [`${part.kind} ${part.name}`, part]));
  const names = [...new Set([...later.keys(), ...earlier.keys()])];
  const differing = names
    .map((name) => ({ old: earlier.get(name), now: later.get(name) }))
    .filter(({ old, now }) => old?.digest !== now?.digest)
    .sort((a, b) => rank(a.now ?? a.old) - rank(b.now ?? b.old));
  const first = differing[0];
  if (first === undefined) return null;
  return reasonOf(first.old, first.now, literals);
}

function rank(part: KeyComponent | undefined): number {
  if (part === undefined) return ORDER.length;
  // A list that became longer or shorter says more than its first member that moved.
  const isCount = part.kind === 'input' && /\.(length|dropped)$/.test(part.name);
  return ORDER.indexOf(part.kind) - (isCount ? 0.5 : 0);
}

function reasonOf(
  old: KeyComponent | undefined,
  now: KeyComponent | undefined,
  literals: KnownLiterals,
): RunReason | null {
  const part = now ?? old;
  if (part === undefined) return null;
  const before = old?.brief ?? 'none';
  const after = now?.brief ?? 'none';
  switch (part.kind) {
    case 'params':
      return { kind: 'params', port: part.name, before, after, ...settingOf(old, now, literals) };
    case 'input':
      return { kind: 'input', port: part.name, before, after };
    case 'tool':
      return { kind: 'tool', name: part.name, before, after };
    case 'env':
      return { kind: 'env', name: part.name, before, after };
    case 'container':
      return { kind: 'container', name: part.name, before, after };
    case 'node':
    case 'code':
      return { kind: 'code', before, after };
    case 'version':
      return { kind: 'version', before, after };
    case 'seed':
      return { kind: 'seed', before, after };
  }
}

/** What is known of the setting that makes the difference inside a parameter. */
function settingOf(
  old: KeyComponent | undefined,
  now: KeyComponent | undefined,
  { before, after }: KnownLiterals,
): Partial<Extract<RunReason, { kind: 'params' }>> {
  if (old === undefined || now === undefined) return {};
  const found = parameterChange(before(old.digest) ?? old.brief, after(now.digest) ?? now.brief);
  if (found === null) return {};
  const { others, ...setting } = found;
  return others === 0 ? setting : { ...setting, others };
}
