import { expect, test } from 'vitest';
import { parseSetOption } from '../../../src/config/set-option.js';
import { parseYaml } from '../../../src/config/yaml.js';

test.each([
  ...['0', '-0', '7', '-12', '007', '1.50', '-2.25', '0.1', '1.', '.5', '1e3', '+4', '0x1f', '12345678901'],
  ...['true', 'false', 'null', 'True', 'yes', 'on', '~', '', ' 3', '3 ', '[0.5, 12]', '"3"', 'text'],
])('--set a=%j means what YAML says', (text) => {
  const option = parseSetOption(`a=${text}`);
  expect(option.ok && option.value.tree).toEqual({ a: parseYaml(text).value });
});
