// SPDX-License-Identifier: MIT
// Parts of this page.

import { button, el, liveRegion } from '/common/dom.mjs';

let lastId = 0;

// Without what would turn or break the line.
export const plain = (text) => text.replace(/[\p{Cc}\p{Cf}]/gu, '');
export const heading = (text) => el('h2', { tabindex: '-1' }, text);
export const para = (text, kind) => el('p', { class: kind }, text);

// A button that takes no other press while the work is under way.
export function press(label, work, kind) {
  const node = button(label, async () => {
    if (!node.classList.contains('waiting')) {
      node.classList.add('waiting');
      await work();
      node.classList.remove('waiting');
    }
  }, kind);
  return node;
}

export function region(kind) {
  const { node, say, clear } = liveRegion(kind);
  return { node, say: (text, ...more) => text ? say(para(text), ...more) : clear() };
}

export function field(label, props) {
  const id = `field${lastId += 1}`;
  const input = el('input', { id, autocapitalize: 'none', autocomplete: 'off', dir: 'auto', ...props });
  return { input, node: el('div', { class: 'field' }, el('label', { for: id }, label), input) };
}

export function form(send, ...nodes) {
  send.type = 'submit';
  return el('form', { submit: (event) => event.preventDefault() }, nodes, send);
}

// Empties, around the seconds left.
export const ring = () => el('span', { 'class': 'ring', 'aria-hidden': 'true' });

export function setRing(node, left, all) {
  node.textContent = left;
  node.style.setProperty('--part', left / all);
}
