import type { NodeContext } from '../../engine/node.js';
import type { TrainTemplateOptions } from '../../numerics/registration/train.js';

type Listeners = Required<Pick<TrainTemplateOptions, 'onMemoryEstimate' | 'onEpoch' | 'onWarning'>>;

/** Tells the run how a training goes: what it will need, each epoch, and warnings. */
export function tellTraining(ctx: Pick<NodeContext, 'log' | 'metric' | 'progress'>): Listeners {
  return {
    onMemoryEstimate: (megabytes) => ctx.log.info(`training is expected to need ${Math.ceil(megabytes)} MB`),
    onEpoch: (event) => {
      ctx.metric('epoch', { ...event });
      ctx.progress(event.epoch, event.epochs, `loss ${event.loss.toPrecision(4)}`);
    },
    onWarning: (message) => ctx.log.warn(message),
  };
}
