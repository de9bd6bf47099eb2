import {
  Adam,
  assign,
  concatChannels,
  dispose,
  type Parameter,
  parameter,
  read,
  scale,
  tensor,
  type Tensor,
  scoped,
  update,
  type ValueAndGradients,
  valueAndGradients,
} from '../../tensor/index.js';
import { SeededRandom, seededRandom } from '../random.js';
import { arraysByName, type NamedArray } from './array-file.js';
import type { TrainingState } from './checkpoint.js';
import { limitTemplateMass, totalMass } from './density-transform.js';
import { GradientGuard, type GuardState } from './gradient-guard.js';
import type { LossTerms } from './loss-terms.js';
import { gradientNorm } from './gradient-norm.js';
import { smallestDeterminant } from './smallest-determinant.js';
import { initialThetas, mostResponsible } from './mixture.js';
import { MixtureMeans } from './mixture-means.js';
import { exportThetas, importThetas, thetaParameters, weightedSum, weightedTerms } from './mixture-parts.js';
import { MixtureState } from './mixture-state.js';
import { recomputesFinest } from './memory-estimate.js';
import { initialWeights } from './network-layout.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity, toLogDensity } from './registration-pass.js';
import { logOffsetOf, resolveTemplateLearningRate } from './settings.js';
import { TemplateSupport } from './template-support.js';
import type { TrainingData } from './training-data.js';
import type { StepReport, Training } from './training-loop.js';
import { predictVelocity } from './unet.js';

/** What the passes of one subject through all templates give. */
interface SubjectPass {
  readonly objective: number;
  /** Of every log template, then of the weights. */
  readonly gradients: readonly Tensor[];
  readonly terms: LossTerms;
  readonly jacMin: number;
}

/**
 * Modes network and hybrid with several templates (spec/learned_atlas.md 3.1): one network registers every subject to
 * every template; what a template learns from a subject is weighted by its responsibility. The passes of the templates
 * go one after the other, so that memory does not grow with their number.
 */
export class MixtureNetworkTraining implements Training {
  readonly #data: TrainingData;
  readonly #thetas: Parameter[];
  readonly #weights: Parameter[];
  readonly #layout: readonly Omit<NamedArray, 'values'>[];
  readonly #networkAdam: Adam;
  readonly #templateAdam: Adam;
  readonly #guard = new GradientGuard();
  readonly #support: TemplateSupport;
  #shuffling: SeededRandom;
  #order: number[] = [];
  readonly #means: MixtureMeans;
  readonly #mixture: MixtureState;
  /** Sum of the density of every subject. */
  readonly #masses: readonly number[];

  constructor(data: TrainingData) {
    const { settings, volumes, shape } = data;
    const { n_templates: templates, mixture_sharpness: sharpness } = settings.model;
    this.#data = data;
    this.#means = new MixtureMeans(shape, volumes.length, templates);
    this.#support = new TemplateSupport(data.unionSupport, shape);
    this.#masses = volumes.map(totalMass);
    this.#mixture = new MixtureState(volumes.length, templates, sharpness);
    const start = initialWeights(settings.model, seededRandom(settings.optimizer.seed, 'initialisation'));
    this.#layout = start.map(({ name, shape: sizes }) => ({ name, shape: sizes }));
    this.#thetas = thetaParameters(initialThetas(volumes, shape, templates, logOffsetOf(settings)), shape);
    this.#weights = start.map(({ values, shape: sizes }) => parameter(values as Float32Array, sizes));
    this.#networkAdam = new Adam({ lr: settings.optimizer.lr });
    this.#templateAdam = new Adam({ lr: resolveTemplateLearningRate(settings.optimizer) });
    this.#shuffling = seededRandom(settings.optimizer.seed, 'shuffling');
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
    await this.#limitMasses();
    this.#mixture.finishEpoch();
  }

  /** As with one template: each is held near the mean mass of the subjects, as far as it is responsible for them. */
  async #limitMasses(): Promise<void> {
    const { settings } = this.#data;
    const { template_mass_limit: limit } = settings.optimizer;
    if (limit === null) return;
    const { responsibilities } = this.#mixture.result();
    for (const [k, theta] of this.#thetas.entries()) {
      let [mass, weight] = [0, 0];
      responsibilities.forEach((row, i) => {
        mass += row[k]! * this.#masses[i]!;
        weight += row[k]!;
      });
      if (weight === 0) continue;
      const meanMass = mass / weight;
      await update(theta, (values) => limitTemplateMass(values, logOffsetOf(settings), { meanMass, limit }));
    }
  }

  /** One optimiser step along the mean gradient of the subjects of a batch. */
  async #descend(batch: readonly number[]): Promise<StepReport> {
    const { ids } = this.#data;
    const parts: SubjectPass[] = [];
    for (const subject of batch) parts.push(await this.#subjectPass(subject));
    const gradients = weightedSum(
      parts.map((part) => part.gradients),
      parts.map(() => 1 / batch.length),
    );
    const gradNorm = await gradientNorm(gradients);
    const factor = this.#guard.factorFor(gradNorm);
    const steps = factor === 1 ? gradients : gradients.map((gradient) => scale(gradient, factor));
    const templates = this.#thetas.length;
    this.#networkAdam.step(this.#weights, steps.slice(templates));
    this.#templateAdam.step(this.#thetas, steps.slice(0, templates));
    await this.#support.project(this.#thetas);
    const equal = parts.map(() => 1 / parts.length);
    return {
      subjects: batch.map((subject) => ids[subject]!),
      loss: parts.reduce((sum, part) => sum + part.objective / parts.length, 0),
      terms: weightedTerms(
        parts.map((part) => part.terms),
        equal,
      ),
      gradNorm,
      jacMin: Math.min(...parts.map((part) => part.jacMin)),
    };
  }

  /** The objective of one subject; gradients of every log template, then of the weights. */
  async #subjectPass(index: number): Promise<SubjectPass> {
    const { shape, volumes } = this.#data;
    const subject = tensor(volumes[index]!, [1, ...shape, 1]);
    const passes: ValueAndGradients[] = [];
    for (const [k, theta] of this.#thetas.entries()) {
      passes.push(
        await valueAndGradients(() => this.#objective(theta, k, subject), [theta, ...this.#weights]),
      );
    }
    const { objective, responsibilities } = this.#mixture.rate(
      index,
      passes.map(({ value }) => value),
    );
    const best = mostResponsible(responsibilities);
    this.#means.accept(best, passes[best]!.outputs['meanDisplacement']);
    const ofThetas = passes.flatMap(({ gradients }, k) =>
      weightedSum([gradients.slice(0, 1)], [responsibilities[k]!]),
    );
    const ofWeights = weightedSum(
      passes.map(({ gradients }) => gradients.slice(1)),
      responsibilities,
    );
    return {
      objective,
      gradients: [...ofThetas, ...ofWeights],
      terms: weightedTerms(
        passes.map(({ terms }) => terms),
        responsibilities,
      ),
      jacMin: await smallestDeterminant(passes[best]!.outputs['displacement']!),
    };
  }

  #objective(theta: Tensor, template: number, subject: Tensor) {
    const { settings } = this.#data;
    const logOffset = logOffsetOf(settings);
    const input = concatChannels([theta, toLogDensity(subject, logOffset)]);
    const velocity = predictVelocity(settings.model, this.#weights, input, recomputesFinest(this.#data));
    const running = settings.loss.mean_deformation_weight > 0 ? this.#means.running(template) : null;
    return registrationPass(toDensity(theta, logOffset), subject, velocity, settings, running);
  }

  async exportModel(): Promise<NamedArray[]> {
    const weights = this.#layout.map(async ({ name, shape }, index) => ({
      name: `weight/${name}`,
      shape,
      values: await read(this.#weights[index]!),
    }));
    const thetas = await exportThetas(this.#thetas, this.#data.shape);
    return [...thetas, ...(await Promise.all(weights)), ...this.#mixture.exportArrays()];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    importThetas(this.#thetas, named);
    this.#layout.forEach(({ name }, index) =>
      assign(this.#weights[index]!, floatArray(named, `weight/${name}`)),
    );
    this.#mixture.importArrays(named);
  }

  async exportState(): Promise<TrainingState> {
    const network = await exportAdam('adam_network', this.#networkAdam);
    const template = await exportAdam('adam_template', this.#templateAdam);
    const means = await this.#means.exportState();
    return {
      scalars: {
        mean_steps: means.steps,
        guard: this.#guard.exportState(),
        order: this.#order,
        shuffling: this.#shuffling.state(),
        adam_network: network.step,
        adam_template: template.step,
      },
      arrays: [...(await this.exportModel()), ...network.arrays, ...template.arrays, ...means.arrays],
    };
  }

  importState({ scalars, arrays }: TrainingState): void {
    const stored = scalars as {
      mean_steps: number[];
      guard: GuardState;
      order: number[];
      shuffling: number[];
      adam_network: number;
      adam_template: number;
    };
    const named = arraysByName(arrays);
    this.importModel(arrays);
    importAdam('adam_network', this.#networkAdam, stored.adam_network, this.#weights.length, named);
    importAdam('adam_template', this.#templateAdam, stored.adam_template, this.#thetas.length, named);
    this.#order = [...stored.order];
    this.#shuffling = SeededRandom.fromState(stored.shuffling);
    this.#means.importState(stored.mean_steps, named);
    this.#guard.importState(stored.guard);
  }

  dispose(): void {
    dispose([...this.#thetas, ...this.#weights]);
    this.#networkAdam.dispose();
    this.#templateAdam.dispose();
    this.#support.dispose();
    this.#means.dispose();
  }
}
