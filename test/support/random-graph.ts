/** Random workflows of small numbers, and a naive evaluator of them that knows nothing of the engine. */
import { Workflow, type Handle } from 'neuroloom';
import { isOdd, mix, orNothing, rangeOf, sumOf } from '../engine/fixtures/random-nodes.mjs';

/** A step gives one number; `a` and `b` are earlier steps. */
export interface Step {
  kind: 'source' | 'mix' | 'map' | 'cross' | 'expand' | 'when';
  a: number;
  b: number;
  salt: number;
  items: number[];
}

export type Random = (below: number) => number;

export function randomGraph(random: Random): Step[] {
  const kinds = ['source', 'mix', 'mix', 'map', 'cross', 'expand', 'when'] as const;
  return Array.from({ length: 3 + random(5) }, (_, i) => ({
    kind: i === 0 ? 'source' : (kinds[random(kinds.length)] as Step['kind']),
    a: random(Math.max(1, i)),
    b: random(Math.max(1, i)),
    salt: random(4),
    items: Array.from({ length: random(4) }, () => random(3)),
  }));
}

/** Changes one thing: a number, an item, the number of items, an edge, or nothing. */
export function randomEdit(steps: readonly Step[], random: Random): Step[] {
  const edited = steps.map((step) => ({ ...step, items: [...step.items] }));
  const at = random(edited.length);
  const step = edited[at] as Step;
  switch (random(6)) {
    case 0:
      step.salt = random(4);
      break;
    case 1:
      step.items.push(random(3));
      break;
    case 2:
      step.items.pop();
      break;
    case 3:
      if (step.items.length > 0) step.items[random(step.items.length)] = random(3);
      break;
    case 4:
      step.a = random(Math.max(1, at));
      break;
  }
  return edited;
}

export function buildWorkflow(steps: readonly Step[]): Workflow {
  const wf = new Workflow('random');
  const made: Handle<number>[] = [];
  steps.forEach((step, i) => made.push(addStep(wf, step, `s${i}`, made)));
  return wf;
}

function addStep(wf: Workflow, step: Step, id: string, made: readonly Handle<number>[]): Handle<number> {
  const { salt } = step;
  const a = made[step.a] as Handle<number>;
  const b = made[step.b] as Handle<number>;
  const items = (): ReturnType<typeof wf.items<[number, number]>> =>
    wf.items(
      step.items.map((x, i): [number, number] => [i, x]),
      { key: ([i]) => `k${i}` },
    );
  switch (step.kind) {
    case 'source':
      return wf.add(mix, { a: salt, b: 1, salt }, { id }).out.y;
    case 'mix':
      return wf.add(mix, { a, b, salt }, { id }).out.y;
    case 'map': {
      const each = wf.map(mix, { a: items().select(([, x]) => x), b, salt }, { id: `${id}_each` });
      return wf.add(sumOf, { numbers: wf.join(each.out.y) }, { id }).out.y;
    }
    case 'cross': {
      const left = items().select(([, x]) => x);
      const right = wf.items([0, 1], { key: (x) => `r${x}` });
      const each = wf.map(mix, { a: left, b: right, salt }, { id: `${id}_each`, mode: 'cross' });
      return wf.add(sumOf, { numbers: wf.join(each.out.y) }, { id }).out.y;
    }
    case 'expand': {
      const list = wf.add(rangeOf, { x: a }, { id: `${id}_list` });
      const elements = wf.expand(list.out.numbers, { key: (x) => `e${x}` });
      const each = wf.map(mix, { a: elements, b, salt }, { id: `${id}_each` });
      return wf.add(sumOf, { numbers: wf.join(each.out.y) }, { id }).out.y;
    }
    case 'when': {
      const flag = wf.add(isOdd, { x: a }, { id: `${id}_flag` });
      const inside = wf.when(
        flag.out.yes,
        (inner) => inner.add(mix, { a, b, salt }, { id: `${id}_inside` }).out.y,
      );
      return wf.add(orNothing, { x: inside }, { id }).out.y;
    }
  }
}

/** What the steps give, and which computations that needs that are not in `known`; those are put there. */
export function evaluate(
  steps: readonly Step[],
  known: Set<string>,
): { values: number[]; executed: string[] } {
  const values: number[] = [];
  const executed: string[] = [];
  // A parameter and an input of the same value are different parts of a key.
  const call = <T>(name: string, args: unknown[], result: T): T => {
    const key = `${name} ${JSON.stringify(args)}`;
    if (!known.has(key)) executed.push(key);
    known.add(key);
    return result;
  };
  const mixed = (a: number, b: number, salt: number): number => (3 * a + 5 * b + salt) % 7;
  const total = (numbers: number[]): number =>
    call('sum', [numbers], numbers.reduce((sum, x) => sum + x, 0) % 5);
  for (const step of steps) {
    const { salt } = step;
    const a = values[step.a] as number;
    const b = values[step.b] as number;
    switch (step.kind) {
      case 'source':
        values.push(call('mix', ['p', salt, 'p', 1, salt], mixed(salt, 1, salt)));
        break;
      case 'mix':
        values.push(call('mix', ['i', a, 'i', b, salt], mixed(a, b, salt)));
        break;
      case 'map':
        values.push(total(step.items.map((x) => call('mix', ['p', x, 'i', b, salt], mixed(x, b, salt)))));
        break;
      case 'cross': {
        const pairs = step.items.flatMap((x) => [0, 1].map((y) => [x, y] as const));
        values.push(total(pairs.map(([x, y]) => call('mix', ['p', x, 'p', y, salt], mixed(x, y, salt)))));
        break;
      }
      case 'expand': {
        const list = call('range', [a], [...Array(a % 4).keys()]);
        values.push(total(list.map((x) => call('mix', ['i', x, 'i', b, salt], mixed(x, b, salt)))));
        break;
      }
      case 'when': {
        const flag = call('odd', [a], a % 2 === 1);
        const inside = flag ? call('mix', ['i', a, 'i', b, salt], mixed(a, b, salt)) : null;
        values.push(call('or_nothing', [inside], inside ?? 6));
        break;
      }
    }
  }
  return { values, executed };
}
