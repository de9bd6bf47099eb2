import type { NodeContext } from '../node.js';
import { setServiceListener, type ServiceListener } from './service-events.js';

/** Sends loggers and the outermost progress bars to a node, as its log and its progress, until the answer is called. */
export function servicesOfNode(ctx: Pick<NodeContext, 'log' | 'progress'>): () => void {
  const bars = new Map<number, string>();
  const toNode: ServiceListener = (event) => {
    switch (event.type) {
      case 'log':
        return ctx.log[event.level](`${event.logger}: ${event.message}`);
      case 'progress-start':
        if (event.parent === null) bars.set(event.id, event.description);
        return;
      case 'progress-advance': {
        const text = bars.get(event.id);
        if (text !== undefined && event.total !== null) ctx.progress(event.done, event.total, text);
        return;
      }
      case 'progress-reset':
        return;
      case 'progress-stop':
        bars.delete(event.id);
    }
  };
  const before = setServiceListener(toNode);
  return () => {
    setServiceListener(before);
  };
}
