export {
  DEFAULT_CONFIG_FILE,
  defaultConfigFiles,
  loadConfig,
  type Config,
  type LoadConfigOptions,
  type LoadedConfig,
} from './load.js';
export { nearest } from '../nearest.js';
export {
  originText,
  pathText,
  type ConfigProblem,
  type Excerpt,
  type Origin,
  type Place,
} from './problem.js';
export { allPaths, configJsonSchema, ROOT_KEYS, type Namespaces } from './schema.js';
export { shownPath } from './file-layer.js';
export { configValues, configYaml, type ShownValue } from './show.js';
export { configPath } from './path-values.js';
export { describedKeys, type DescribedKey } from './described-keys.js';
export { commentedYaml } from './commented-yaml.js';
