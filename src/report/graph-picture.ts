/** The template graph as SVG: layers from top to bottom, each node below all that it takes from. */
import type { DrawnGraph, DrawnNode } from '../engine/template-graph.js';
import { html, type Html } from './html.js';
import { round } from './svg-axes.js';

const [BOX_HEIGHT, LAYER_STEP, GAP, MARGIN] = [40, 86, 26, 12];

export interface GraphNote {
  /** Second line of a box. */
  readonly text: string;
  /** `failed` and `skipped` have an edge of their own. */
  readonly tone: 'plain' | 'failed' | 'skipped';
}

interface Box {
  readonly node: DrawnNode;
  readonly label: string;
  readonly note: GraphNote | null;
  readonly width: number;
  readonly layer: number;
  x: number;
}

/** @param notes - what a box says below the name, by id of the node */
export function graphPicture(graph: DrawnGraph, notes: ReadonlyMap<string, GraphNote> = new Map()): Html {
  const boxes = placedBoxes(graph, notes);
  const layers = Math.max(0, ...[...boxes.values()].map(({ layer }) => layer)) + 1;
  const right = Math.max(0, ...[...boxes.values()].map(({ x, width }) => x + width));
  const width = Math.ceil(right + MARGIN);
  const height = MARGIN * 2 + (layers - 1) * LAYER_STEP + BOX_HEIGHT;
  const top = ({ layer }: Box): number => MARGIN + layer * LAYER_STEP;
  const arrows = [...joined(graph)].map(([pair, { from, to, ports, isGather }]) => {
    const [a, b] = [boxes.get(from), boxes.get(to)];
    if (a === undefined || b === undefined) return html``;
    const [x1, y1] = [a.x + a.width / 2, top(a) + BOX_HEIGHT];
    const [x2, y2] = [b.x + b.width / 2, top(b)];
    const bend = round((y2 - y1) / 2);
    return html`<path
      class="edge${isGather ? ' gather' : ''}"
      marker-end="url(#arrow)"
      d="M${round(x1)} ${y1}C${round(x1)} ${y1 + bend} ${round(x2)} ${y2 - bend} ${round(x2)} ${y2 - 2}"
      data-pair="${pair}"
      ><title>${ports.join(', ')}: ${from} to ${to}${isGather && ', all items together'}</title></path
    >`;
  });
  const drawn = [...boxes.values()].map((box) => {
    const y = top(box);
    const middle = round(box.x + box.width / 2);
    const tone = box.note?.tone ?? 'plain';
    const behind = box.node.mapped
      ? html`<rect
          class="box behind"
          x="${box.x + 4}"
          y="${y + 4}"
          width="${box.width}"
          height="${BOX_HEIGHT}"
          rx="6"
        />`
      : html``;
    const publishes = box.node.publishes.length === 0 ? '' : `; publishes ${box.node.publishes.join(', ')}`;
    return html`<g
      ><title>${box.node.id}, version ${box.node.version}${publishes}</title>${behind}<rect
        class="box ${tone}"
        x="${box.x}"
        y="${y}"
        width="${box.width}"
        height="${BOX_HEIGHT}"
        rx="6"
      /><text x="${middle}" y="${y + (box.note === null ? 24 : 17)}" text-anchor="middle">${box.label}</text
      >${box.note !== null && html`<text class="note" x="${middle}" y="${y + 32}" text-anchor="middle">${box.note.text}</text>`}</g
    >`;
  });
  const spoken = `${graph.workflow}: ${graph.nodes.map(({ id }) => id).join(', ')}`;
  return html`<svg
    xmlns="http://www.w3.org/2000/svg"
    class="chart graph"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="img"
    aria-label="Graph of ${spoken}"
  >
    <defs>
      <marker
        id="arrow"
        viewBox="0 0 8 8"
        refX="7"
        refY="4"
        markerWidth="7"
        markerHeight="7"
        orient="auto-start-reverse"
      >
        <path class="tip" d="M0 0L8 4L0 8z" />
      </marker>
    </defs>
    ${arrows}${drawn}
  </svg>`;
}

/** Colours for a picture that stands alone; a page has its own. */
const ALONE = `svg{font:13px sans-serif;background:#fff}text{fill:#1b1f24}.note{fill:#57606a;font-size:11px}.box{fill:#f3f6fa;stroke:#57606a}.edge{fill:none;stroke:#57606a}.gather{stroke-width:2.5}.tip{fill:#57606a}`;

/** The graph as a file of its own, for `pipeline graph --format svg`. */
export function graphSvg(graph: DrawnGraph): string {
  return graphPicture(graph).text.replace('<defs>', `<style>${ALONE}</style><defs>`);
}

/** Boxes in layers; within a layer each as near as possible to the middle of what it takes from. */
function placedBoxes(graph: DrawnGraph, notes: ReadonlyMap<string, GraphNote>): Map<string, Box> {
  const layerOf = new Map<string, number>();
  const boxes = new Map<string, Box>();
  const layers: Box[][] = [];
  for (const node of graph.nodes) {
    const sources = graph.edges.filter(({ to }) => to === node.id).map(({ from }) => from);
    const layer = Math.max(-1, ...sources.map((from) => layerOf.get(from) ?? -1)) + 1;
    layerOf.set(node.id, layer);
    const note = notes.get(node.id) ?? null;
    const items = node.mapped ? ` × ${node.items ?? '?'}` : '';
    const label = `${node.id}${items}`;
    const width = Math.max(90, Math.ceil(Math.max(label.length * 7.4, (note?.text.length ?? 0) * 6.2)) + 20);
    const box: Box = { node, label, note, width, layer, x: 0 };
    boxes.set(node.id, box);
    (layers[layer] ??= []).push(box);
  }
  for (const layer of layers) {
    const wanted = new Map(layer.map((box) => [box, wantedMiddle(box, graph, boxes)]));
    layer.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
    let left = MARGIN;
    for (const box of layer) {
      box.x = round(Math.max(left, wanted.get(box)! - box.width / 2));
      left = box.x + box.width + GAP;
    }
  }
  return boxes;
}

function wantedMiddle({ node }: Box, graph: DrawnGraph, boxes: ReadonlyMap<string, Box>): number {
  const sources = graph.edges.flatMap(({ from, to }) => {
    const box = to === node.id ? boxes.get(from) : undefined;
    return box === undefined ? [] : [box.x + box.width / 2];
  });
  return sources.length === 0 ? 0 : sources.reduce((sum, x) => sum + x, 0) / sources.length;
}

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly ports: string[];
  isGather: boolean;
}

/** One arrow for all edges between two nodes. */
function joined(graph: DrawnGraph): Map<string, Arrow> {
  const arrows = new Map<string, Arrow>();
  for (const { from, to, port, kind } of graph.edges) {
    const pair = `${from} ${to}`;
    const arrow = arrows.get(pair) ?? { from, to, ports: [], isGather: false };
    arrow.ports.push(port);
    if (kind === 'gather') arrow.isGather = true;
    arrows.set(pair, arrow);
  }
  return arrows;
}
