// SPDX-License-Identifier: MIT
// Any state that has no page of its own: its title in words, what it tells,
// and a form or a button for each action that it offers.

import { button, el } from './dom.mjs';
import { deviceTiles, makeForm } from './forms.mjs';
import { has, nameOf, t, told } from './strings.mjs';

export const CODE = { name: 'otp', class: 'code', inputmode: 'numeric',
  autocomplete: 'one-time-code', clean: (text) => text.replace(/[\s-]/g, '') };

const PHONE = { name: 'phone', type: 'tel', autocomplete: 'tel',
  clean: (text) => text.replace(/[^+\d]/g, '') };

// The fields of the actions that we know. An action that is not here gets a
// button; when the server then says which fields it needs, it gets a form.
const MODELS = {
  checkUsernamePassword: [{ name: 'username', autocomplete: 'username' },
    asked('password')],
  submitIdentifier: [{ name: 'identifier', autocomplete: 'username' }],
  // Beside a push that failed; OTP_REQUIRED has a page of its own.
  checkOtp: [{ ...CODE, label: 'appCode' }],
  submitEmailTarget: [{ name: 'email', type: 'email', autocomplete: 'email' }],
  submitSmsTarget: [PHONE],
  submitVoiceTarget: [PHONE],
  activateEmailDevice: [CODE],
  activateSmsDevice: [CODE],
  activateVoiceDevice: [CODE],
};

// Actions that choose one of the state's devices.
const CHOICES = ['selectDevice', 'setDefaultDevice', 'removeDevice'];

// Members of a state that are no news to the user.
const NOT_FACTS = ['id', 'pluginTypeId', 'status', 'code', 'message',
  'userMessage', 'serverPayload'];

// A field of which only the name is known.
function asked(name) {
  return /password/i.test(name)
    ? { name, type: 'password', autocomplete: 'current-password' } : { name };
}

export function genericView(state, flow) {
  const key = `lead.${state.status}`;
  const known = !state.userMessage && has(key);
  const lead = state.userMessage || (known && t(key, state));
  return {
    title: nameOf('title', state.status),
    lead: known ? told(key, state) : lead,
    body: [facts(state, lead), otherActions(state, flow),
      actionsOf(state).length === 0 && flow.wayOut()],
  };
}

// Forms and buttons for the actions that a page has not handled itself.
export function otherActions(state, flow, handled = []) {
  const alone = handled.length === 0;
  const actions = actionsOf(state).filter((name) => !handled.includes(name));
  const parts = actions.map((action) => part(state, flow, action, alone));
  const rest = actions.filter((action, at) => !parts[at])
    .sort((a, b) => isExit(a) - isExit(b));
  const main = alone && !parts.some(Boolean) ? rest[0] : null;
  return [parts, rest.length > 0 && el('div', { class: 'actions' },
    rest.map((action) => actionButton(flow, action, action === main)))];
}

function actionsOf(state) {
  return Object.keys(state._links ?? {}).filter((name) => name !== 'self');
}

// Ways out come last and are never the main thing.
function isExit(action) {
  return /^(cancel|skip)/.test(action);
}

function part(state, flow, action, primary) {
  const fields = MODELS[action];
  if (fields) {
    return makeForm(flow, { action, fields, primary }).node;
  }
  return CHOICES.includes(action) && el('section', { class: 'part' },
    el('h2', {}, nameOf('action', action)),
    deviceTiles(flow, action, state.devices));
}

function actionButton(flow, action, main) {
  const kind = isExit(action) ? 'quiet' : 'plain';
  // Where nothing else is left, "cancel" would be an odd word for it.
  const label = main && action === 'cancelAuthentication'
    ? t('page.leave') : nameOf('action', action);
  const node = button(label, () => {
    flow.act(action, {}, { ...flow.notice, show }, node);
  }, main ? 'primary' : kind, action);

  function show(error) {
    const needed = (error.details ?? [])
      .filter(({ code, target }) => code === 'FIELD_REQUIRED' && target);
    if (needed.length === 0) {
      flow.notice.show(error);
      return;
    }
    const form = makeForm(flow,
      { action, fields: needed.map(({ target }) => asked(target)) });
    node.replaceWith(form.node);
    form.place.show(error);
  }
  return node;
}

// Texts of the state itself, and numbers to be matched: {value: "407193"}.
function facts(state, lead) {
  const rows = Object.entries(state)
    .map(([name, member]) => [name, member?.value ?? member])
    .filter(([name, text]) => typeof text === 'string'
      && !NOT_FACTS.includes(name) && !(lead && lead.includes(text)));
  return rows.length > 0 && el('dl', {}, rows.map(([name, text]) => el('div',
    {}, el('dt', {}, nameOf('field', name)), el('dd', {}, el('bdi', {}, text)))));
}
