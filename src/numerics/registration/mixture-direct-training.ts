import {
  Adam,
  assign,
  dispose,
  type Parameter,
  parameter,
  read,
  scoped,
  tensor,
  type Tensor,
  tidy,
  type ValueAndGradients,
  valueAndGradients,
} from '../../tensor/index.js';
import { arraysByName, type NamedArray } from './array-file.js';
import type { TrainingState } from './checkpoint.js';
import { centreParameters } from './centre-parameters.js';
import { gradientNorm } from './gradient-norm.js';
import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { smallestDeterminant } from './smallest-determinant.js';
import { initialThetas, mostResponsible } from './mixture.js';
import { MixtureMeans } from './mixture-means.js';
import { velocityName } from './mixture-names.js';
import { exportThetas, importThetas, thetaParameters, weightedTerms } from './mixture-parts.js';
import { MixtureState } from './mixture-state.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity } from './registration-pass.js';
import { logOffsetOf } from './settings.js';
import { TemplateSupport } from './template-support.js';
import type { TrainingData } from './training-data.js';
import type { StepReport, Training } from './training-loop.js';

/**
 * Mode direct with several templates (spec/learned_atlas.md 3.1): one velocity per subject and template. Velocities of
 * a template are centred over the subjects that it explains best.
 */
export class MixtureDirectTraining implements Training {
  readonly #data: TrainingData;
  readonly #velocityShape: Shape3;
  readonly #thetas: Parameter[];
  /** One row per subject, one entry per template. */
  readonly #velocities: Parameter[][];
  readonly #velocityAdams: Adam[][];
  readonly #templateAdam: Adam;
  /** Per template the sum over the subjects of this round of its weighted gradient. */
  readonly #thetaGradients: Float32Array[];
  #rounds = 0;
  readonly #means: MixtureMeans;
  readonly #support: TemplateSupport;
  readonly #mixture: MixtureState;

  constructor(data: TrainingData) {
    const { settings, volumes, shape } = data;
    const { direct_lr: lr, direct_template_lr: templateLr } = settings.optimizer;
    const { n_templates: templates, mixture_sharpness: sharpness, flow_resolution: flow } = settings.model;
    this.#data = data;
    this.#means = new MixtureMeans(shape, volumes.length, templates);
    this.#support = new TemplateSupport(data.unionSupport, shape);
    this.#mixture = new MixtureState(volumes.length, templates, sharpness);
    this.#velocityShape = velocityShapeOf(shape, flow);
    this.#thetas = thetaParameters(initialThetas(volumes, shape, templates, logOffsetOf(settings)), shape);
    const atRest = new Float32Array(3 * voxelCount(this.#velocityShape));
    const grid = [1, ...this.#velocityShape, 3];
    this.#velocities = volumes.map(() => this.#thetas.map(() => parameter(atRest, grid)));
    this.#velocityAdams = volumes.map(() => this.#thetas.map(() => new Adam({ lr })));
    this.#templateAdam = new Adam({ lr: templateLr });
    this.#thetaGradients = this.#thetas.map(() => new Float32Array(voxelCount(shape)));
  }

  get stepsPerEpoch(): number {
    return this.#data.volumes.length;
  }

  get learningRate(): number {
    return this.#data.settings.optimizer.direct_lr;
  }

  get #templateMoves(): boolean {
    return this.#rounds >= this.#data.settings.optimizer.direct_velocity_rounds;
  }

  startEpoch(): void {
    for (const gradient of this.#thetaGradients) gradient.fill(0);
  }

  step(index: number): Promise<StepReport> {
    return scoped(() => this.#descend(index));
  }

  async #descend(index: number): Promise<StepReport> {
    const { ids, volumes, shape } = this.#data;
    const subject = tensor(volumes[index]!, [1, ...shape, 1]);
    const velocities = this.#velocities[index]!;
    const passes: ValueAndGradients[] = [];
    for (const [k, velocity] of velocities.entries()) {
      const xs = this.#templateMoves ? [velocity, this.#thetas[k]!] : [velocity];
      passes.push(await valueAndGradients(() => this.#objective(k, subject, velocity), xs));
    }
    const { objective, responsibilities } = this.#mixture.rate(
      index,
      passes.map(({ value }) => value),
    );
    const best = mostResponsible(responsibilities);
    // A velocity belongs to one template, so its step does not depend on the scale of its gradient: it is not weighted,
    // and a template that is not responsible yet still shows how well it could fit.
    for (const [k, { gradients }] of passes.entries()) {
      this.#velocityAdams[index]![k]!.step([velocities[k]!], gradients.slice(0, 1));
      if (gradients[1] !== undefined) {
        this.#addThetaGradient(k, await read(gradients[1]), responsibilities[k]!);
      }
    }
    const { gradients, outputs } = passes[best]!;
    this.#means.accept(best, outputs['meanDisplacement']);
    const jacMin = await smallestDeterminant(outputs['displacement']!);
    const terms = weightedTerms(
      passes.map((pass) => pass.terms),
      responsibilities,
    );
    const gradNorm = await gradientNorm(gradients.slice(0, 1));
    return { subjects: [ids[index]!], loss: objective, terms, gradNorm, jacMin };
  }

  #objective(template: number, subject: Tensor, velocity: Tensor) {
    const { settings } = this.#data;
    const density = toDensity(this.#thetas[template]!, logOffsetOf(settings));
    const running = settings.loss.mean_deformation_weight > 0 ? this.#means.running(template) : null;
    return registrationPass(density, subject, velocity, settings, running);
  }

  /** Template steps, projection, then the velocities of each template are centred; last the shares. */
  async finishEpoch(): Promise<void> {
    const { volumes, shape } = this.#data;
    if (this.#templateMoves) {
      tidy(() => {
        const means = this.#thetaGradients.map((sum) =>
          tensor(
            sum.map((value) => value / volumes.length),
            [1, ...shape, 1],
          ),
        );
        this.#templateAdam.step(this.#thetas, means);
      });
    }
    await this.#support.project(this.#thetas);
    await this.#centreVelocities();
    this.#rounds += 1;
    this.#mixture.finishEpoch();
  }

  async #centreVelocities(): Promise<void> {
    const belongs = this.#mixture.result().responsibilities.map(mostResponsible);
    for (const k of this.#thetas.keys()) {
      await centreParameters(this.#velocities.filter((_row, i) => belongs[i] === k).map((row) => row[k]!));
    }
  }

  #addThetaGradient(template: number, gradient: Float32Array, weight: number): void {
    const sum = this.#thetaGradients[template]!;
    for (let at = 0; at < sum.length; at++) sum[at] = sum[at]! + weight * gradient[at]!;
  }

  async exportModel(): Promise<NamedArray[]> {
    const velocities = this.#velocities.flatMap((row, index) =>
      row.map(async (velocity, k) => ({
        name: velocityName(index, k),
        shape: [...this.#velocityShape, 3],
        values: await read(velocity),
      })),
    );
    const thetas = await exportThetas(this.#thetas, this.#data.shape);
    return [...thetas, ...(await Promise.all(velocities)), ...this.#mixture.exportArrays()];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    importThetas(this.#thetas, named);
    this.#velocities.forEach((row, index) =>
      row.forEach((velocity, k) => assign(velocity, floatArray(named, velocityName(index, k)))),
    );
    this.#mixture.importArrays(named);
  }

  async exportState(): Promise<TrainingState> {
    const template = await exportAdam('adam_template', this.#templateAdam);
    const velocities = await Promise.all(
      this.#velocityAdams.map((row, index) =>
        Promise.all(row.map((adam, k) => exportAdam(`adam_velocity.${index}.${k}`, adam))),
      ),
    );
    const means = await this.#means.exportState();
    const gradients = this.#thetaGradients.map((values, k) => ({
      name: `theta_gradient.${k}`,
      shape: this.#data.shape,
      values: values.slice(),
    }));
    return {
      scalars: {
        mean_steps: means.steps,
        rounds: this.#rounds,
        adam_template: template.step,
        adam_velocity: velocities.map((row) => row.map((state) => state.step)),
      },
      arrays: [
        ...(await this.exportModel()),
        ...template.arrays,
        ...velocities.flatMap((row) => row.flatMap((state) => state.arrays)),
        ...means.arrays,
        ...gradients,
      ],
    };
  }

  importState({ scalars, arrays }: TrainingState): void {
    const stored = scalars as {
      mean_steps: number[];
      rounds: number;
      adam_template: number;
      adam_velocity: number[][];
    };
    const named = arraysByName(arrays);
    this.importModel(arrays);
    importAdam('adam_template', this.#templateAdam, stored.adam_template, this.#thetas.length, named);
    this.#velocityAdams.forEach((row, index) =>
      row.forEach((adam, k) =>
        importAdam(`adam_velocity.${index}.${k}`, adam, stored.adam_velocity[index]![k]!, 1, named),
      ),
    );
    this.#thetaGradients.forEach((values, k) => values.set(floatArray(named, `theta_gradient.${k}`)));
    this.#rounds = stored.rounds;
    this.#means.importState(stored.mean_steps, named);
  }

  dispose(): void {
    dispose([...this.#thetas, ...this.#velocities.flat()]);
    for (const adam of [this.#templateAdam, ...this.#velocityAdams.flat()]) adam.dispose();
    this.#support.dispose();
    this.#means.dispose();
  }
}
