import {
  Adam,
  assign,
  concatChannels,
  dispose,
  inspect,
  type Parameter,
  parameter,
  read,
  repeatBatch,
  scale,
  tensor,
  type Tensor,
  tidy,
  update,
  valueAndGradients,
} from '../../tensor/index.js';
import { SeededRandom, seededRandom } from '../random.js';
import { arraysByName, type NamedArray } from './array-file.js';
import { deformAtRandom } from './augmentation.js';
import type { TrainingState } from './checkpoint.js';
import { limitTemplateMass, meanLogDensity, projectTheta, totalMass } from './density-transform.js';
import { GradientGuard, type GuardState } from './gradient-guard.js';
import { gradientNorm } from './gradient-norm.js';
import { jacobianMinAndFolds } from './jacobian.js';
import { MeanDisplacement } from './mean-displacement.js';
import { recomputesFinest } from './memory-estimate.js';
import { initialWeights } from './network-layout.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity, toLogDensity } from './registration-pass.js';
import { logOffsetOf, resolveTemplateLearningRate } from './settings.js';
import type { TrainingData } from './training-data.js';
import type { StepReport, Training } from './training-loop.js';
import { predictVelocity } from './unet.js';

/** Modes network and hybrid: one network for all subjects, trained together with the template. */
export class NetworkTraining implements Training {
  readonly #data: TrainingData;
  readonly #theta: Parameter;
  readonly #weights: Parameter[];
  readonly #layout: readonly Omit<NamedArray, 'values'>[];
  readonly #networkAdam: Adam;
  readonly #templateAdam: Adam;
  readonly #guard = new GradientGuard();
  #shuffling: SeededRandom;
  #augmentation: SeededRandom;
  #order: number[] = [];
  readonly #mean: MeanDisplacement;
  /** Whether the finest activations are computed again instead of being kept: the same bits in less memory. */
  readonly #recomputes: boolean;
  /** Mean over the cohort of the sum of the density. */
  readonly #meanMass: number;

  constructor(data: TrainingData) {
    const { settings, volumes, shape } = data;
    this.#data = data;
    this.#recomputes = recomputesFinest(data);
    this.#mean = new MeanDisplacement(shape, volumes.length);
    this.#meanMass = volumes.reduce((sum, volume) => sum + totalMass(volume), 0) / volumes.length;
    const start = initialWeights(settings.model, seededRandom(settings.optimizer.seed, 'initialisation'));
    this.#layout = start.map(({ name, shape: sizes }) => ({ name, shape: sizes }));
    this.#theta = parameter(meanLogDensity(volumes, logOffsetOf(settings)), [1, ...shape, 1]);
    this.#weights = start.map(({ values, shape: sizes }) => parameter(values as Float32Array, sizes));
    this.#networkAdam = new Adam({ lr: settings.optimizer.lr });
    this.#templateAdam = new Adam({ lr: resolveTemplateLearningRate(settings.optimizer) });
    this.#shuffling = seededRandom(settings.optimizer.seed, 'shuffling');
    this.#augmentation = seededRandom(settings.optimizer.seed, 'augmentation');
  }

  get stepsPerEpoch(): number {
    return Math.ceil(this.#data.volumes.length / this.#data.settings.optimizer.batch_size);
  }

  get learningRate(): number {
    return this.#data.settings.optimizer.lr;
  }

  startEpoch(): void {
    this.#order = this.#shuffling.permutation(this.#data.volumes.length);
  }

  step(index: number): StepReport {
    const { batch_size: size } = this.#data.settings.optimizer;
    const batch = this.#order.slice(index * size, (index + 1) * size);
    let report!: StepReport;
    tidy(() => {
      report = this.#descend(batch);
    });
    return report;
  }

  finishEpoch(): void {
    const { settings } = this.#data;
    const { template_mass_limit: limit } = settings.optimizer;
    if (limit === null) return;
    const meanMass = this.#meanMass;
    update(this.#theta, (theta) => limitTemplateMass(theta, logOffsetOf(settings), { meanMass, limit }));
  }

  #descend(batch: readonly number[]): StepReport {
    const { ids, shape, unionSupport } = this.#data;
    const subject = tensor(this.#stack(batch), [batch.length, ...shape, 1]);
    const { value, gradients, terms, outputs } = valueAndGradients(
      () => this.#objective(subject),
      [this.#theta, ...this.#weights],
    );
    const gradNorm = gradientNorm(gradients);
    const factor = this.#guard.factorFor(gradNorm);
    const steps = factor === 1 ? gradients : gradients.map((gradient) => scale(gradient, factor));
    this.#networkAdam.step(this.#weights, steps.slice(1));
    this.#templateAdam.step([this.#theta], steps.slice(0, 1));
    update(this.#theta, (theta) => projectTheta(theta, unionSupport));
    if (outputs['meanDisplacement'] !== undefined) this.#mean.accept(outputs['meanDisplacement']);
    const { min: jacMin } = inspect(outputs['displacement']!, (data) =>
      jacobianMinAndFolds({ data, n: batch.length, shape }),
    );
    return { subjects: batch.map((index) => ids[index]!), loss: value, terms, gradNorm, jacMin };
  }

  #objective(subject: Tensor) {
    const { settings } = this.#data;
    const logOffset = logOffsetOf(settings);
    const template = toDensity(this.#theta, logOffset);
    const logTemplate = repeatBatch(this.#theta, subject.shape[0]!);
    const input = concatChannels([logTemplate, toLogDensity(subject, logOffset)]);
    const velocity = predictVelocity(settings.model, this.#weights, input, this.#recomputes);
    const running = settings.loss.mean_deformation_weight > 0 ? this.#mean.running : null;
    return registrationPass(template, subject, velocity, settings, running);
  }

  #stack(batch: readonly number[]): Float32Array {
    const volumes = batch.map((index) => this.#data.volumes[index]!);
    const seen = this.#isAugmented() ? volumes.map((volume) => this.#deformed(volume)) : volumes;
    if (seen.length === 1) return seen[0]!;
    const voxels = this.#data.unionSupport.length;
    const stacked = new Float32Array(seen.length * voxels);
    seen.forEach((volume, place) => stacked.set(volume, place * voxels));
    return stacked;
  }

  #isAugmented(): boolean {
    const { augmentation: share } = this.#data.settings.optimizer;
    return share > 0 && this.#augmentation.uniform() < share;
  }

  #deformed(volume: Float32Array): Float32Array {
    const { shape, settings } = this.#data;
    return deformAtRandom(volume, shape, settings.model, this.#augmentation);
  }

  exportModel(): NamedArray[] {
    return [
      { name: 'theta', shape: this.#data.shape, values: read(this.#theta) },
      ...this.#layout.map(({ name, shape }, index) => ({
        name: `weight/${name}`,
        shape,
        values: read(this.#weights[index]!),
      })),
    ];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    assign(this.#theta, floatArray(named, 'theta'));
    this.#layout.forEach(({ name }, index) =>
      assign(this.#weights[index]!, floatArray(named, `weight/${name}`)),
    );
  }

  exportState(): TrainingState {
    const network = exportAdam('adam_network', this.#networkAdam);
    const template = exportAdam('adam_template', this.#templateAdam);
    const mean = this.#mean.exportState();
    return {
      scalars: {
        mean_steps: mean.steps,
        guard: this.#guard.exportState(),
        order: this.#order,
        shuffling: this.#shuffling.state(),
        augmentation: this.#augmentation.state(),
        adam_network: network.step,
        adam_template: template.step,
      },
      arrays: [...this.exportModel(), ...network.arrays, ...template.arrays, ...mean.arrays],
    };
  }

  importState({ scalars, arrays }: TrainingState): void {
    const stored = scalars as {
      mean_steps: number;
      guard: GuardState;
      order: number[];
      shuffling: number[];
      augmentation: number[];
      adam_network: number;
      adam_template: number;
    };
    const named = arraysByName(arrays);
    this.importModel(arrays);
    importAdam('adam_network', this.#networkAdam, stored.adam_network, this.#weights.length, named);
    importAdam('adam_template', this.#templateAdam, stored.adam_template, 1, named);
    this.#order = [...stored.order];
    this.#shuffling = SeededRandom.fromState(stored.shuffling);
    this.#augmentation = SeededRandom.fromState(stored.augmentation);
    this.#mean.importState(stored.mean_steps, named);
    this.#guard.importState(stored.guard);
  }

  dispose(): void {
    dispose([this.#theta, ...this.#weights]);
    this.#mean.dispose();
  }
}
