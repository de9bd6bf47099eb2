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
  valueAndGradients,
} from '../../tensor/index.js';
import { arraysByName, type NamedArray } from './array-file.js';
import type { TrainingState } from './checkpoint.js';
import { meanLogDensity } from './density-transform.js';
import { gradientNorm } from './gradient-norm.js';
import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { smallestDeterminant } from './smallest-determinant.js';
import { centreParameters } from './centre-parameters.js';
import { MeanDisplacement } from './mean-displacement.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity } from './registration-pass.js';
import { logOffsetOf } from './settings.js';
import { TemplateSupport } from './template-support.js';
import type { TrainingData } from './training-data.js';
import type { StepReport, Training } from './training-loop.js';

/**
 * Mode direct: one velocity per subject and the template, no network, no random numbers. A round gives each subject
 * one step with the template as it stands; after it the template takes one step along its mean gradient.
 */
export class DirectTraining implements Training {
  readonly #data: TrainingData;
  readonly #velocityShape: Shape3;
  readonly #theta: Parameter;
  readonly #velocities: Parameter[];
  readonly #velocityAdams: Adam[];
  readonly #templateAdam: Adam;
  /** Sum over the subjects of this round of the gradient of the log template. */
  #thetaGradient: Float32Array;
  #rounds = 0;
  readonly #mean: MeanDisplacement;
  readonly #support: TemplateSupport;

  constructor(data: TrainingData) {
    const { settings, volumes, shape } = data;
    const { direct_lr: lr, direct_template_lr: templateLr } = settings.optimizer;
    this.#data = data;
    this.#mean = new MeanDisplacement(shape, volumes.length);
    this.#support = new TemplateSupport(data.unionSupport, shape);
    this.#velocityShape = velocityShapeOf(shape, settings.model.flow_resolution);
    this.#theta = parameter(meanLogDensity(volumes, logOffsetOf(settings)), [1, ...shape, 1]);
    const atRest = new Float32Array(3 * voxelCount(this.#velocityShape));
    this.#velocities = volumes.map(() => parameter(atRest, [1, ...this.#velocityShape, 3]));
    this.#velocityAdams = volumes.map(() => new Adam({ lr }));
    this.#templateAdam = new Adam({ lr: templateLr });
    this.#thetaGradient = new Float32Array(voxelCount(shape));
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
    this.#thetaGradient.fill(0);
  }

  step(index: number): Promise<StepReport> {
    return scoped(() => this.#descend(index));
  }

  async #descend(index: number): Promise<StepReport> {
    const { ids, volumes, shape } = this.#data;
    const velocity = this.#velocities[index]!;
    const subject = tensor(volumes[index]!, [1, ...shape, 1]);
    const { value, gradients, terms, outputs } = await valueAndGradients(
      () => this.#objective(subject, velocity),
      this.#templateMoves ? [velocity, this.#theta] : [velocity],
    );
    this.#velocityAdams[index]!.step([velocity], gradients.slice(0, 1));
    if (gradients[1] !== undefined) this.#addThetaGradient(await read(gradients[1]));
    if (outputs['meanDisplacement'] !== undefined) this.#mean.accept(outputs['meanDisplacement']);
    const jacMin = await smallestDeterminant(outputs['displacement']!);
    const gradNorm = await gradientNorm(gradients.slice(0, 1));
    return { subjects: [ids[index]!], loss: value, terms, gradNorm, jacMin };
  }

  #objective(subject: Tensor, velocity: Tensor) {
    const { settings } = this.#data;
    const template = toDensity(this.#theta, logOffsetOf(settings));
    const running = settings.loss.mean_deformation_weight > 0 ? this.#mean.running : null;
    return registrationPass(template, subject, velocity, settings, running);
  }

  /** Template step, projection, then the mean velocity is taken from every velocity, in this order. */
  async finishEpoch(): Promise<void> {
    const { volumes, shape } = this.#data;
    if (this.#templateMoves) {
      const mean = this.#thetaGradient.map((sum) => sum / volumes.length);
      tidy(() => this.#templateAdam.step([this.#theta], [tensor(mean, [1, ...shape, 1])]));
    }
    await this.#support.project([this.#theta]);
    await centreParameters(this.#velocities);
    this.#rounds += 1;
  }

  #addThetaGradient(gradient: Float32Array): void {
    const sum = this.#thetaGradient;
    for (let at = 0; at < sum.length; at++) sum[at] = sum[at]! + gradient[at]!;
  }

  async exportModel(): Promise<NamedArray[]> {
    const velocities = this.#velocities.map(async (velocity, index) => ({
      name: `velocity/${index}`,
      shape: [...this.#velocityShape, 3],
      values: await read(velocity),
    }));
    const theta = { name: 'theta', shape: this.#data.shape, values: await read(this.#theta) };
    return [theta, ...(await Promise.all(velocities))];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    assign(this.#theta, floatArray(named, 'theta'));
    this.#velocities.forEach((velocity, index) => assign(velocity, floatArray(named, `velocity/${index}`)));
  }

  async exportState(): Promise<TrainingState> {
    const template = await exportAdam('adam_template', this.#templateAdam);
    const velocities = await Promise.all(
      this.#velocityAdams.map((adam, index) => exportAdam(`adam_velocity.${index}`, adam)),
    );
    const mean = await this.#mean.exportState();
    const arrays: NamedArray[] = [
      ...(await this.exportModel()),
      ...template.arrays,
      ...velocities.flatMap((state) => state.arrays),
      ...mean.arrays,
      { name: 'theta_gradient', shape: this.#data.shape, values: this.#thetaGradient.slice() },
    ];
    return {
      scalars: {
        mean_steps: mean.steps,
        rounds: this.#rounds,
        adam_template: template.step,
        adam_velocity: velocities.map((state) => state.step),
      },
      arrays,
    };
  }

  importState({ scalars, arrays }: TrainingState): void {
    const stored = scalars as {
      mean_steps: number;
      rounds: number;
      adam_template: number;
      adam_velocity: number[];
    };
    const named = arraysByName(arrays);
    this.importModel(arrays);
    importAdam('adam_template', this.#templateAdam, stored.adam_template, 1, named);
    this.#velocityAdams.forEach((adam, index) =>
      importAdam(`adam_velocity.${index}`, adam, stored.adam_velocity[index]!, 1, named),
    );
    this.#thetaGradient = floatArray(named, 'theta_gradient').slice();
    this.#rounds = stored.rounds;
    this.#mean.importState(stored.mean_steps, named);
  }

  dispose(): void {
    dispose([this.#theta, ...this.#velocities]);
    for (const adam of [this.#templateAdam, ...this.#velocityAdams]) adam.dispose();
    this.#support.dispose();
    this.#mean.dispose();
  }
}
