/**
 * The environment of a program that a shell starts: shells drop variables whose names are none of theirs, such as the
 * functions that bash exports (`BASH_FUNC_module%%`). Those travel in one variable.
 */
const NAME = /^[A-Za-z_]\w*$/;
const OTHERS = 'NEUROLOOM_OTHER_VARIABLES';

/** An environment that comes through a shell. */
export function packEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name, value]) => !NAME.test(name) && value !== undefined);
  if (others.length === 0) return env;
  const packed = Object.fromEntries(Object.entries(env).filter(([name]) => NAME.test(name)));
  return { ...packed, [OTHERS]: JSON.stringify(Object.fromEntries(others)) };
}

/** Makes the environment of this process what was packed. */
export function unpackEnvironment(env: NodeJS.ProcessEnv = process.env): void {
  const others = env[OTHERS];
  if (others === undefined) return;
  Reflect.deleteProperty(env, OTHERS);
  Object.assign(env, JSON.parse(others));
}
