import { DependencyError } from '../errors.js';
import {
  availableDevices,
  gpuProblem,
  nativeStatus,
  resolveDevice,
  type NativeStatus,
} from '../numerics/devices.js';

/** One kind of device, and what it offers or why it cannot be used. */
export interface DeviceState {
  readonly name: string;
  readonly available: boolean;
  /** What it is, or the reason. */
  readonly detail: string;
}

export interface NumericMachine {
  readonly addon: NativeStatus;
  readonly devices: readonly DeviceState[];
  /** Devices that a configuration may name. */
  readonly available: readonly string[];
}

/** What this machine and this installation offer to the numerics. */
export async function numericMachine(): Promise<NumericMachine> {
  const devices = await Promise.all(['cpu', 'cuda', 'webgpu'].map(deviceState));
  return { addon: nativeStatus(), devices, available: await availableDevices() };
}

async function deviceState(name: string): Promise<DeviceState> {
  const problem = name === 'cpu' ? null : await gpuProblem(name);
  if (problem !== null) return { name, available: false, detail: problem.message };
  if (name !== 'cpu') return { name, available: true, detail: 'a convolution and its gradient ran on it' };
  try {
    const { backend, isa, warning } = await resolveDevice(name);
    const slow = warning === null ? '' : ', slow: the native addon is not usable';
    return { name, available: true, detail: `backend ${backend}${isa === null ? '' : `, ${isa}`}${slow}` };
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    return { name, available: false, detail: error.message };
  }
}
