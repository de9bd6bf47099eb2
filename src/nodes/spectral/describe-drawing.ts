import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeAtomic } from '../../io/index.js';
import { VERSION } from '../../version.js';
import { Drawing } from './draw-surface.js';

/** How a surface was made of a volume of labels, and of which; published beside it. */
export const DrawnSurface = z.strictObject({
  Sources: z.array(z.string()),
  GeneratedBy: z.array(z.strictObject({ Name: z.string(), Version: z.string() })),
  ...Drawing.shape,
});

/** Names the volume that a surface was drawn from. A node of its own: a surface is not drawn again because a path changed. */
export const describeDrawing = defineNode({
  name: 'describe_drawing',
  version: 1,
  inputs: {
    /** A `Drawing`. */
    drawing: port.file('json'),
    /** BIDS URI of the volume. */
    source: port.value(z.string()),
  },
  outputs: {
    /** A `DrawnSurface`. */
    sidecar: port.file('json'),
  },
  async run({ drawing, source }, ctx) {
    const content: z.output<typeof DrawnSurface> = {
      Sources: [source],
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      ...Drawing.parse(JSON.parse(await readFile(drawing.path, 'utf8'))),
    };
    const sidecar = ctx.outputFile('drawn.json');
    await writeAtomic(sidecar, `${JSON.stringify(content, null, 2)}\n`);
    return { sidecar };
  },
});
