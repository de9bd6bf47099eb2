/**
 * The one door to tfjs: tape, portable ops and the plain CPU kernels. Every other file of this room imports
 * the library from here, so that it can be replaced in one place: values from `tf`, types from `tfjs`.
 */
// Declarations of tfjs take the name `Long` for granted: programs that choose their `types` would not compile.
/// <reference types="long" preserve="true" />
import { createRequire } from 'node:module';
import type * as tfjs from '@tensorflow/tfjs-core';
import type * as tfjsCpu from '@tensorflow/tfjs-backend-cpu';

// Both are CommonJS bundles of megabytes. `import` would parse each twice to find its export names, which takes longer
// than loading it.
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core') as typeof tfjs;
const { MathBackendCPU } = require('@tensorflow/tfjs-backend-cpu') as typeof tfjsCpu;

// tfjs writes advice and warnings to the console unless it believes to run in production; code here never prints.
tf.env().set('PROD', true);

export { tf, MathBackendCPU };
export type { tfjs, tfjsCpu };

/** A float32 (or, inside compositions, int32) array of known shape on the current device. */
export type Tensor = tfjs.Tensor;

/** A tensor that training changes in place: weights, template, velocity. */
export type Parameter = tfjs.Variable;
