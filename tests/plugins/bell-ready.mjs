// SPDX-License-Identifier: MIT
// The page part of tests/plugins/adapter-bell.c for its state READY.

export default function render(root, model, act, { language, t }) {
  const press = document.createElement('button');
  const words = document.createElement('p');
  press.textContent = 'Ring';
  press.addEventListener('click', () => act('pass'));
  words.textContent = `${model.inputs.policy} in ${language}: `
    + t('action.continueAuthentication');
  root.append(words, press);
  document.body.dataset.bell = 'there';
  return () => { document.body.dataset.bell = 'gone'; };
}
