import type { ConvolutionBinding } from './convolution-binding.js';
import type { ElementwiseBinding } from './elementwise-binding.js';
import type { EncodingBinding } from './encoding-binding.js';
import type { FooofBinding } from './fooof-binding.js';
import type { RegistrationBinding } from './registration-binding.js';
import type { SpectralBinding } from './spectral-binding.js';

/** What native/register_core.cc exports. */
export interface CoreBinding {
  interfaceVersion(): number;
  isas(): string[];
  currentIsa(): string;
  chooseIsa(name: string): boolean;
  setThreads(threads: number): void;
  getThreads(): number;
  fmaPeak(milliseconds: number): number;
}

/** All functions of the addon, one interface per file native/register_*.cc. */
export type Binding = CoreBinding &
  ConvolutionBinding &
  ElementwiseBinding &
  RegistrationBinding &
  EncodingBinding &
  SpectralBinding &
  FooofBinding;
