/** Turns lists that instances made into items of the graph. */
import type { CompiledGraph } from './graph.js';
import { listElements } from './inputs.js';
import type { InstanceTable } from './instance-table.js';

/** The lists of an instance that has come to an end; without a result they are lost. */
export function expandLists(table: InstanceTable, index: number): void {
  for (const { id, instance, port } of table.graph.expansions) {
    if (instance !== index) continue;
    const result = table.missing(index) === null ? table.result(index) : undefined;
    table.graph.expand(id, result === undefined ? null : (listElements(result, port) ?? []));
  }
}

/** No list will come any more: stand-ins take the place of their items. */
export function loseLists(graph: CompiledGraph): void {
  for (let open = graph.expansions; open.length > 0; open = graph.expansions) {
    for (const { id } of open) graph.expand(id, null);
  }
}
