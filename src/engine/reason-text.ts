import type { RunReason } from './events.js';
import { unreachable } from '../result.js';

/** Why a node runs, in one clause: `input volume changed (ab12 -> cd34)`. */
export function reasonText(reason: RunReason): string {
  switch (reason.kind) {
    case 'new':
      return 'no earlier result';
    case 'params':
      return `parameter ${settingName(reason)} changed${change(reason)}${more(reason.others)}`;
    case 'input':
      return `input ${reason.port}${reason.instance === undefined ? '' : ` from ${reason.instance}`} changed${change(reason)}`;
    case 'upstream':
      return `input ${reason.port} comes from ${reason.instance}, which runs`;
    case 'code':
      return `the code of the node changed${change(reason)}`;
    case 'version':
      return `the version of the node changed${change(reason)}`;
    case 'tool':
      return `tool ${reason.name} changed${change(reason)}`;
    case 'env':
      return `environment variable ${reason.name} changed${change(reason)}`;
    case 'container':
      return `container ${reason.name} changed${change(reason)}`;
    case 'seed':
      return `the seed changed${change(reason)}`;
    case 'output-missing':
      return `its stored output ${reason.path} is missing${reason.before === '' ? '' : ` (it was ${reason.before})`}`;
    case 'output-changed':
      return `its stored output ${reason.path} was changed${change(reason)}`;
    case 'forced':
      return `forced by --${reason.by}`;
    case 'not-cacheable':
      return 'nothing is taken from the cache (--no-cache)';
    case 'previous-failure':
      return `it did not finish last time (${reason.failureClass})`;
    default:
      return unreachable(reason);
  }
}

/** The setting where it is known, as it is written below the parameter. */
function settingName({ port, setting }: { readonly port: string; readonly setting?: string }): string {
  return setting === undefined ? port : `${port}.${setting}`;
}

function more(others: number | undefined): string {
  return others === undefined ? '' : ` (and ${others} more of its settings)`;
}

function change(reason: { readonly before: string; readonly after: string }): string {
  // Long values are kept by their beginnings, which may be the same: then they say nothing.
  return reason.before === reason.after ? '' : `: ${reason.before} -> ${reason.after}`;
}
