/**
 * The one door to tfjs: tape, portable ops and the plain CPU kernels. Every other file of this room imports
 * the library from here, so that it can be replaced in one place.
 */
import * as tf from '@tensorflow/tfjs-core';
import { MathBackendCPU, version_cpu } from '@tensorflow/tfjs-backend-cpu';

// tfjs writes advice and warnings to the console unless it believes to run in production; code here never prints.
tf.env().set('PROD', true);

/** Versions of the tensor library, for the metadata of a result. */
export const TFJS_VERSIONS = { tfjs_core: tf.version_core, tfjs_backend_cpu: version_cpu } as const;

export { tf, MathBackendCPU };

/** A float32 (or, inside compositions, int32) array of known shape on the current device. */
export type Tensor = tf.Tensor;

/** A tensor that training changes in place: weights, template, velocity. */
export type Parameter = tf.Variable;
