/** Population receptive fields: responses to a stack of images. Source: spec of encoding, section 3. */
import { ProcessingError } from '../../errors.js';
import type { Matrix } from '../linalg/matrix.js';
import { stimulusDrive, type StimulusDrive } from './image-drive.js';
import { defaultCoordinates, pixelArea, type Paradigm } from './paradigm.js';
import {
  linspace,
  logspace,
  numericalSlopes,
  type BoundResponse,
  type ResponseDefinition,
  type ShapeParameter,
} from './response.js';
import { identity, sigmoid, softplus, softplusAboveOne, wrappedAngle, type Transform } from './transforms.js';

/** Height of a receptive field: as the peer scales it, of unit volume, or of unit height. */
export type RfNorm = 'peer' | 'volume' | 'peak';

/** Options of models of images: where the pixels lie, and how a field is normalised. */
export interface ImageModelOptions {
  /** pixels x 2, x slow, y fast, in the order of the flattened stimulus. Default: -1 to 1 in both directions. */
  readonly gridCoordinates?: Matrix;
  /** Default `peer`: pixel area / (sd sqrt(2 pi)). */
  readonly rfNorm?: RfNorm;
}

/** Round Gaussian receptive field. */
export function gaussian2d(options: ImageModelOptions = {}): ResponseDefinition {
  return {
    model: 'gaussian2d',
    stimulus: { kind: 'images', isLinear: true },
    shape: CENTRE_AND_SIZE,
    labels: ['x', 'y', 'sd', 'baseline', 'amplitude'],
    bind(paradigm) {
      const screen = bindScreen('gaussian2d', paradigm, options);
      const { drive, field, height, power } = screen;
      const bound = { ...searchOf(screen), frames: drive.frames, evaluate: field };
      return drive.stimulus === null
        ? bound
        : { ...bound, gaussianField: { stimulus: drive.stimulus, height, power } };
    },
  };
}

/** The same with the centre as angle (radians) and eccentricity. */
export function gaussian2dAngle(options: ImageModelOptions = {}): ResponseDefinition {
  return {
    model: 'gaussian2d_angle',
    stimulus: { kind: 'images', isLinear: true },
    shape: [linear('theta', wrappedAngle), log('ecc', softplus), log('sd', softplus)],
    labels: ['theta', 'ecc', 'sd', 'baseline', 'amplitude'],
    bind(paradigm) {
      const screen = bindScreen('gaussian2d_angle', paradigm, options);
      const { bounds, grid } = searchOf(screen);
      const reach = Math.hypot(screen.half.x, screen.half.y);
      const respond = (p: Float64Array, out: Float64Array): void =>
        screen.field(Float64Array.of(p[1]! * Math.cos(p[0]!), p[1]! * Math.sin(p[0]!), p[2]!), out, null);
      return {
        frames: screen.drive.frames,
        bounds: [[-2 * Math.PI, 2 * Math.PI], [reach / 1000, 1.5 * reach], bounds[2]!],
        grid: [linspace(-Math.PI, Math.PI, 17).slice(1), linspace(reach / 20, reach, 10), grid[2]!],
        evaluate: withNumericalSlopes(respond),
      };
    },
  };
}

/** Gaussian minus a wider one with the same scaling of its height; `srf_amplitude` in (0, 1), `srf_size` above 1. */
export function dog2d(options: ImageModelOptions = {}): ResponseDefinition {
  return {
    model: 'dog2d',
    stimulus: { kind: 'images', isLinear: true },
    shape: [...CENTRE_AND_SIZE, linear('srf_amplitude', softplus), log('srf_size', softplus)],
    labels: ['x', 'y', 'sd', 'baseline', 'amplitude', 'srf_amplitude', 'srf_size'],
    bind(paradigm) {
      const screen = bindScreen('dog2d', paradigm, options);
      const { bounds, grid } = searchOf(screen);
      return {
        frames: screen.drive.frames,
        bounds: [...bounds, [0, 1], [1.01, 20]],
        grid: [thin(grid[0]!, 15), thin(grid[1]!, 9), thin(grid[2]!, 5), [0.2, 0.7], [2, 5]],
        evaluate: surroundDifference(screen),
      };
    },
  };
}

/** (A N1 + B) / (A C N2 + D) with the drives N1 and N2 of centre and surround. */
export function divisiveNormalization2d(options: ImageModelOptions = {}): ResponseDefinition {
  return {
    model: 'divisive_norm2d',
    stimulus: { kind: 'images', isLinear: false },
    shape: [
      ...CENTRE_AND_SIZE,
      ...[
        linear('rf_amplitude', identity),
        linear('srf_amplitude', softplus),
        log('srf_size', softplusAboveOne),
      ],
      ...[linear('neural_baseline', softplus), log('surround_baseline', softplus)],
    ],
    labels: [
      'x',
      'y',
      'sd',
      'rf_amplitude',
      'srf_amplitude',
      'srf_size',
      'neural_baseline',
      'surround_baseline',
    ],
    resting: (p) => p[6]! / p[7]!,
    bind(paradigm) {
      const screen = bindScreen('divisive_norm2d', paradigm, options);
      const { bounds, grid } = searchOf(screen);
      const respond = divisiveRatio(screen);
      return {
        frames: screen.drive.frames,
        bounds: [...bounds, [0, 100], [0, 100], [1.01, 20], [0, 100], [1e-3, 100]],
        grid: [...grid, [1], [1], [3], [0], [1]],
        evaluate: withNumericalSlopes(respond),
      };
    },
  };
}

/** (S . g)^n: compressive spatial summation, n in (0, 1]. */
export function css2d(options: ImageModelOptions = {}): ResponseDefinition {
  return {
    model: 'css2d',
    stimulus: { kind: 'images', isLinear: false },
    shape: [...CENTRE_AND_SIZE, linear('n', sigmoid(0, 1))],
    labels: ['x', 'y', 'sd', 'baseline', 'amplitude', 'n'],
    bind(paradigm) {
      const screen = bindScreen('css2d', paradigm, options);
      const { bounds, grid } = searchOf(screen);
      const respond = (p: Float64Array, out: Float64Array): void => {
        screen.field(p.subarray(0, 3), out, null);
        for (let t = 0; t < out.length; t++) out[t] = Math.max(out[t]!, 0) ** p[3]!;
      };
      return {
        frames: screen.drive.frames,
        bounds: [...bounds, [0.02, 1]],
        grid: [thin(grid[0]!, 15), thin(grid[1]!, 9), thin(grid[2]!, 5), [0.25, 0.6, 1]],
        evaluate: withNumericalSlopes(respond),
      };
    },
  };
}

/** Stimulus, pixels and scaling of a receptive field. */
interface Screen {
  readonly drive: StimulusDrive;
  readonly middle: { readonly x: number; readonly y: number };
  /** Half the extent of the pixels. */
  readonly half: { readonly x: number; readonly y: number };
  readonly pixel: number;
  /** Height of a field of this size. */
  readonly height: (sd: number) => number;
  /** The height falls with this power of the size. */
  readonly power: number;
  /** Drive of a scaled Gaussian field at (x, y, sd), with derivatives. */
  readonly field: BoundResponse['evaluate'];
}

const CENTRE_AND_SIZE: readonly ShapeParameter[] = [
  linear('x', identity),
  linear('y', identity),
  log('sd', softplus),
];

function linear(name: string, transform: Transform): ShapeParameter {
  return { name, transform, isLogarithmic: false };
}

function log(name: string, transform: Transform): ShapeParameter {
  return { name, transform, isLogarithmic: true };
}

function bindScreen(model: string, paradigm: Paradigm, options: ImageModelOptions): Screen {
  const coordinates = coordinatesFor(model, paradigm, options);
  const drive = stimulusDrive(paradigm.values, coordinates);
  const area = pixelArea(coordinates);
  const { middle, half } = extentOf(coordinates);
  const norm = options.rfNorm ?? 'peer';
  const scale = heightOf(norm, area);
  const power = { peer: 1, volume: 2, peak: 0 }[norm];
  const field: BoundResponse['evaluate'] = (p, out, slopes) => {
    const [x, y, sd] = p as unknown as [number, number, number];
    drive.evaluate(x, y, sd, out, slopes);
    const height = scale(sd);
    for (let t = 0; t < out.length; t++) out[t] = out[t]! * height;
    if (slopes === null) return;
    const bySize = 2 * drive.frames;
    for (let i = 0; i < bySize; i++) slopes[i] = slopes[i]! * height;
    // d/dsd of c(sd) g: c is a power of sd, and the drive gives the slope by log sd.
    for (let t = 0; t < out.length; t++)
      slopes[bySize + t] = (slopes[bySize + t]! * height - power * out[t]!) / sd;
  };
  return { drive, middle, half, pixel: Math.sqrt(area), height: scale, power, field };
}

function heightOf(norm: RfNorm, area: number): (sd: number) => number {
  switch (norm) {
    case 'peer':
      return (sd) => area / (sd * Math.sqrt(2 * Math.PI));
    case 'volume':
      return (sd) => area / (2 * Math.PI * sd * sd);
    case 'peak':
      return () => 1;
  }
}

function coordinatesFor(model: string, paradigm: Paradigm, options: ImageModelOptions): Matrix {
  const { columns, rows } = paradigm.values;
  const given = options.gridCoordinates;
  if (given === undefined && paradigm.image === null) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${model} needs images; the paradigm is ${rows} x ${columns}`,
      {
        where: 'paradigm',
        cure: 'pass a stack of frames x nx x ny, or the coordinates of the pixels',
      },
    );
  }
  const coordinates = given ?? defaultCoordinates(paradigm.image!.nx, paradigm.image!.ny);
  if (coordinates.rows !== columns || coordinates.columns !== 2) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${coordinates.rows} x ${coordinates.columns} grid coordinates do not fit a paradigm of ${rows} x ${columns}`,
      {
        where: 'gridCoordinates',
        cure: `give ${columns} x 2, in the order of the flattened images (x slow, y fast)`,
      },
    );
  }
  return coordinates;
}

function extentOf(coordinates: Matrix): Pick<Screen, 'middle' | 'half'> {
  const range = (column: number): [number, number] => {
    let low = Infinity;
    let high = -Infinity;
    for (let p = 0; p < coordinates.rows; p++) {
      low = Math.min(low, coordinates.values[2 * p + column]!);
      high = Math.max(high, coordinates.values[2 * p + column]!);
    }
    return [low, high];
  };
  const [x0, x1] = range(0);
  const [y0, y1] = range(1);
  return {
    middle: { x: (x0 + x1) / 2, y: (y0 + y1) / 2 },
    half: { x: (x1 - x0) / 2 || 1, y: (y1 - y0) / 2 || 1 },
  };
}

/** Bounds 1.5 times the half extent, sizes from half a pixel to more than the field; 21 x 13 x 7 start values. */
function searchOf(screen: Screen): Pick<BoundResponse, 'bounds' | 'grid'> {
  const { middle, half, pixel } = screen;
  const largest = Math.max(half.x, half.y);
  return {
    bounds: [
      [middle.x - 1.5 * half.x, middle.x + 1.5 * half.x],
      [middle.y - 1.5 * half.y, middle.y + 1.5 * half.y],
      [0.45 * pixel, 1.12 * largest],
    ],
    grid: [
      linspace(middle.x - 1.06 * half.x, middle.x + 1.06 * half.x, 21),
      linspace(middle.y - 1.06 * half.y, middle.y + 1.06 * half.y, 13),
      logspace(pixel, largest / 2, 7),
    ],
  };
}

function thin(values: readonly number[], count: number): number[] {
  return linspace(0, values.length - 1, count).map((at) => values[Math.round(at)]!);
}

function withNumericalSlopes(
  respond: (p: Float64Array, out: Float64Array) => void,
): BoundResponse['evaluate'] {
  return (shape, out, slopes) => {
    respond(shape, out);
    if (slopes !== null) numericalSlopes(respond, shape, slopes);
  };
}

/** c(sd) g(sd) - srf_amplitude c(sd) g(sd srf_size): the surround has the same height factor as the centre. */
function surroundDifference({ drive, height, power, field }: Screen): BoundResponse['evaluate'] {
  const frames = drive.frames;
  const surround = new Float64Array(frames);
  const surroundSlopes = new Float64Array(3 * frames);
  return (p, out, slopes) => {
    const [x, y, sd, strength, size] = p as unknown as [number, number, number, number, number];
    field(p.subarray(0, 3), out, slopes);
    drive.evaluate(x, y, sd * size, surround, slopes === null ? null : surroundSlopes);
    const c = height(sd);
    for (let t = 0; t < frames; t++) out[t] = out[t]! - strength * c * surround[t]!;
    if (slopes === null) return;
    for (let t = 0; t < frames; t++) {
      const bySize = surroundSlopes[2 * frames + t]!;
      slopes[t] = slopes[t]! - strength * c * surroundSlopes[t]!;
      slopes[frames + t] = slopes[frames + t]! - strength * c * surroundSlopes[frames + t]!;
      slopes[2 * frames + t] =
        slopes[2 * frames + t]! - (strength * c * (bySize - power * surround[t]!)) / sd;
      slopes[3 * frames + t] = -c * surround[t]!;
      slopes[4 * frames + t] = (-strength * c * bySize) / size;
    }
  };
}

function divisiveRatio({ drive, field }: Screen): (p: Float64Array, out: Float64Array) => void {
  const surround = new Float64Array(drive.frames);
  return (p, out) => {
    const [x, y, sd, a, c, size, b, d] = p as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    field(Float64Array.of(x, y, sd), out, null);
    field(Float64Array.of(x, y, sd * size), surround, null);
    for (let t = 0; t < out.length; t++) out[t] = (a * out[t]! + b) / (a * c * surround[t]! + d);
  };
}
