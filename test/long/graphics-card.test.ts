import { onGraphicsCard } from '../support/graphics-card.js';

process.env['NEUROLOOM_TEST_LONG'] = '1';
await onGraphicsCard([
  () => import('../golden/tensor-ops.test.js'),
  () => import('../golden/tensor-network.test.js'),
  () => import('../golden/registration.test.js'),
  () => import('../golden/encoding-device.test.js'),
  () => import('../unit/tensor/ops-agree.test.js'),
  () => import('../unit/tensor/high-ranks.test.js'),
  () => import('../support/card-care.js'),
]);
