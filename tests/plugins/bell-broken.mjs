// SPDX-License-Identifier: MIT
// The page part of tests/plugins/adapter-bell.c for its state BROKEN.

export default function render(root) {
  root.textContent = 'half';
  throw new Error('this part cannot draw');
}
