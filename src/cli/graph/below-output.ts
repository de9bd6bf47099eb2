import { relative } from 'node:path';
import type { DrawnGraph } from '../../engine/template-graph.js';

/** Workflows publish to absolute places; what a reader knows is the name below the output directory. */
export function belowOutput(graph: DrawnGraph, outputDir: string): DrawnGraph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      publishes: node.publishes.map((name) => (name.startsWith('/') ? relative(outputDir, name) : name)),
    })),
  };
}
