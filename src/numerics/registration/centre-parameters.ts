import { type Parameter, read, update } from '../../tensor/index.js';

/** Takes the mean from some parameters of one shape: keeps a template central among its velocities. */
export async function centreParameters(members: readonly Parameter[]): Promise<void> {
  const sums = new Float64Array(members[0]?.size ?? 0);
  for (const member of members) {
    const values = await read(member);
    for (let at = 0; at < sums.length; at++) sums[at] = sums[at]! + values[at]!;
  }
  for (const member of members) {
    await update(member, (values) => {
      for (let at = 0; at < sums.length; at++) values[at] = values[at]! - sums[at]! / members.length;
    });
  }
}
