// SPDX-License-Identifier: MIT
// Elements from data. Text goes in as text nodes only: nothing that a server
// says is ever read as markup.

const SVG = 'http://www.w3.org/2000/svg';

// Outlines on a 24 by 24 grid.
const ICONS = {
  mail: 'M3 6.5h18v11H3zM3.5 7l8.5 6.5L20.5 7',
  chat: 'M4 5h16v11H11l-4 3.5V16H4z',
  call: 'M6 3.5l3 .5 1 4-2 1.5a12 12 0 0 0 6.5 6.5l1.5-2 4 1 .5 3c0 1.5-1 2.5-2.5 2.5-7 0-14-7-14-14.5 0-1.5 1-2.5 2.5-2.5z',
  phone: 'M7.5 3h9v18h-9zM11 18h2',
  clock: 'M12 3.5a8.5 8.5 0 1 0 .01 0zM12 7.5V12l3 2',
};

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    setProp(node, name, value);
  }
  node.append(...children.flat(Infinity).filter(Boolean));
  return node;
}

function setProp(node, name, value) {
  if (typeof value === 'function') {
    node.addEventListener(name, value);
  } else if (name === 'value') {
    node.value = value ?? '';
  } else if (value !== undefined && value !== null && value !== false) {
    node.setAttribute(name, value === true ? '' : value);
  }
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', ICONS[name] ?? ICONS.phone);
  svg.append(path);
  return svg;
}

export function button(label, click, kind = 'plain', action = null) {
  return el('button', { 'type': 'button', 'class': `button ${kind}`,
    'data-action': action, click }, label);
}

// A region that readers announce: it has to be on the page, and empty,
// before its text arrives. said() is called when it has.
export function liveRegion(kind, id, said) {
  const node = el('div', { class: kind, id, 'aria-live': 'polite' });
  let timer;
  const clear = () => {
    clearTimeout(timer);
    node.replaceChildren();
  };
  const say = (...content) => {
    clear();
    timer = setTimeout(() => {
      node.replaceChildren(...content);
      said?.();
    }, 60);
  };
  return { node, say, clear };
}
