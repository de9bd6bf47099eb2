import {
  Adam,
  assign,
  concatChannels,
  dispose,
  type Parameter,
  parameter,
  read,
  repeatBatch,
  scale,
  tensor,
  type Tensor,
  scoped,
  update,
  valueAndGradients,
} from '../../tensor/index.js';
import { SeededRandom, seededRandom } from '../random.js';
import { arraysByName, type NamedArray } from './array-file.js';
import { deformAtRandom } from './augmentation.js';
import type { TrainingState } from './checkpoint.js';
import { limitTemplateMass, meanLogDensity, totalMass } from './density-transform.js';
import { GradientGuard, type GuardState } from './gradient-guard.js';
import { gradientNorm } from './gradient-norm.js';
import { smallestDeterminant } from './smallest-determinant.js';
import { MeanDisplacement } from './mean-displacement.js';
import { recomputesFinest } from './memory-estimate.js';
import { initialWeights } from './network-layout.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity, toLogDensity } from './registration-pass.js';
import { logOffsetOf, resolveTemplateLearningRate } from './settings.js';
import { TemplateSupport } from './template-support.js';
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
  readonly #support: TemplateSupport;
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
    this.#support = new TemplateSupport(data.unionSupport, shape);
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

  step(index: number): Promise<StepReport> {
    const { batch_size: size } = this.#data.settings.optimizer;
    const batch = this.#order.slice(index * size, (index + 1) * size);
    return scoped(() => this.#descend(batch));
  }

  async finishEpoch(): Promise<void> {
    const { settings } = this.#data;
    const { template_mass_limit: limit } = settings.optimizer;
    if (limit === null) return;
    const meanMass = this.#meanMass;
    await update(this.#theta, (theta) =>
      limitTemplateMass(theta, logOffsetOf(settings), { meanMass, limit }),
    );
  }

  async #descend(batch: readonly number[]): Promise<StepReport> {
    const { ids, shape } = this.#data;
    const subject = tensor(await this.#stack(batch), [batch.length, ...shape, 1]);
    const { value, gradients, terms, outputs } = await valueAndGradients(
      () => this.#objective(subject),
      [this.#theta, ...this.#weights],
    );
    const gradNorm = await gradientNorm(gradients);
    const factor = this.#guard.factorFor(gradNorm);
    const steps = factor === 1 ? gradients : gradients.map((gradient) => scale(gradient, factor));
    this.#networkAdam.step(this.#weights, steps.slice(1));
    this.#templateAdam.step([this.#theta], steps.slice(0, 1));
    await this.#support.project([this.#theta]);
    if (outputs['meanDisplacement'] !== undefined) this.#mean.accept(outputs['meanDisplacement']);
    const jacMin = await smallestDeterminant(outputs['displacement']!);
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

  async #stack(batch: readonly number[]): Promise<Float32Array> {
    const volumes = batch.map((index) => this.#data.volumes[index]!);
    const seen = this.#isAugmented() ? await this.#deformed(volumes) : volumes;
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

  /** One after the other: they draw from one sequence of random numbers. */
  async #deformed(volumes: readonly Float32Array[]): Promise<Float32Array[]> {
    const { shape, settings } = this.#data;
    const deformed: Float32Array[] = [];
    for (const volume of volumes)
      deformed.push(await deformAtRandom(volume, shape, settings.model, this.#augmentation));
    return deformed;
  }

  async exportModel(): Promise<NamedArray[]> {
    const weights = this.#layout.map(async ({ name, shape }, index) => ({
      name: `weight/${name}`,
      shape,
      values: await read(this.#weights[index]!),
    }));
    const theta = { name: 'theta', shape: this.#data.shape, values: await read(this.#theta) };
    return [theta, ...(await Promise.all(weights))];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    assign(this.#theta, floatArray(named, 'theta'));
    this.#layout.forEach(({ name }, index) =>
      assign(this.#weights[index]!, floatArray(named, `weight/${name}`)),
    );
  }

  async exportState(): Promise<TrainingState> {
    const network = await exportAdam('adam_network', this.#networkAdam);
    const template = await exportAdam('adam_template', this.#templateAdam);
    const mean = await this.#mean.exportState();
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
      arrays: [...(await this.exportModel()), ...network.arrays, ...template.arrays, ...mean.arrays],
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
    this.#networkAdam.dispose();
    this.#templateAdam.dispose();
    this.#support.dispose();
    this.#mean.dispose();
  }
}
