import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packEnvironment, unpackEnvironment } from '../../../src/engine/shell-environment.js';

const ODD = { 'BASH_FUNC_module%%': '() { echo "loaded $1"; }', 'a-b': 'ü\n"', '1st': '' };

test('variables that a shell drops come through it', () => {
  const env = { PATH: process.env['PATH'], HOME: '/root', ...ODD, LEFT_OUT: undefined };
  const print = 'process.stdout.write(JSON.stringify(process.env))';
  const text = execFileSync('/bin/sh', ['-c', 'exec "$0" "$@"', process.execPath, '-e', print], {
    env: packEnvironment(env),
    encoding: 'utf8',
  });
  const arrived = JSON.parse(text) as NodeJS.ProcessEnv;
  unpackEnvironment(arrived);
  expect(arrived).toMatchObject({ HOME: '/root', ...ODD });
  expect(Object.keys(arrived)).not.toContain('NEUROLOOM_OTHER_VARIABLES');
});

test('an environment of plain names is left as it is', () => {
  const env = { HOME: '/root' };
  expect(packEnvironment(env)).toBe(env);
  unpackEnvironment(env);
  expect(env).toEqual({ HOME: '/root' });
});
