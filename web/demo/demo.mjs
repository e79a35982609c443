// SPDX-License-Identifier: MIT
// The demo application: two ways to sign in, and what came of it. A sign-in
// under way is kept for this tab; tokens are kept nowhere.

import { call } from '/common/api.mjs';
import { button, el } from '/common/dom.mjs';
import { Flow } from '/common/flow.mjs';
import { localTime, setTitle, t } from '/common/strings.mjs';
import './texts.mjs';
import { authorizationUrl, discover, exchange, inspect, newSignIn, OidcError,
  userinfo } from './oidc.mjs';

const KEPT = 'factord.demo';
const HERE = location.origin + location.pathname;
const FIRST = ['sub', 'name', 'acr', 'amr', 'auth_time'];
const TIMES = ['auth_time', 'iat', 'exp'];

const app = document.getElementById('app');

begin();
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted && document.getElementById('signin-redirect')) {
    showStart(); // back from a redirect that was not finished
  }
});

function begin() {
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  const kept = JSON.parse(sessionStorage.getItem(KEPT));
  if (!window.isSecureContext) {
    showPage('demo.error', el('p', {}, t('demo.insecure')));
  } else if (answer.code || answer.error) {
    history.replaceState(null, '', HERE); // a reload must not repeat it
    finish(kept, answer);
  } else if (kept?.flowId) {
    makeFlow(kept).load(kept.flowId); // reloaded in between
  } else {
    showStart();
  }
}

function keep(signIn) {
  sessionStorage.setItem(KEPT, JSON.stringify(signIn));
}

function showPage(title, ...content) {
  const heading = el('h2', { tabindex: '-1' }, t(title));
  app.replaceChildren(el('div', { class: 'view' }, heading, content));
  setTitle(t(title));
  heading.focus();
}

// What is kept stays: "forward" may lead to a sign-on page that is open.
function showStart() {
  const ways = [['redirect', 'primary', byRedirect], ['here', 'plain', here]];
  app.replaceChildren(el('div', { class: 'view' },
    ways.map(([way, kind, work]) => {
      const node = button(t(`demo.${way}`), () => once(work), kind);
      node.id = `signin-${way}`;
      return node;
    })));
  setTitle(t('demo.title'));
  checkOrigin();
}

function again() {
  return button(t('demo.again'), () => {
    sessionStorage.removeItem(KEPT);
    showStart();
  }, 'primary');
}

// The first click counts; what follows brings its own buttons.
async function once(work) {
  if (app.querySelector('[aria-disabled]')) {
    return;
  }
  app.querySelectorAll('button')
    .forEach((node) => node.setAttribute('aria-disabled', 'true'));
  await work().catch(showError);
}

function alertNode(...content) {
  return el('div', { 'class': 'notice', 'data-kind': 'error' },
    el('p', {}, content));
}

// localhost and 127.0.0.1 are two origins; only the server's own will do.
async function checkOrigin() {
  const { issuer } = await discover().catch(() => ({}));
  if (issuer && new URL(issuer).origin !== location.origin) {
    const href = new URL('/demo/', issuer).href;
    app.prepend(alertNode(t('demo.otherOrigin', { issuer }), ' ',
      el('a', { href }, href)));
  }
}

function showError(error) {
  const told = error instanceof OidcError;
  showPage('demo.error', alertNode(told
    ? error.description ?? t('lead.FAILED') : t('error.offline')),
  told && el('p', { class: 'hint' }, el('code', {}, error.code)), again());
}

async function byRedirect() {
  const signIn = { ...newSignIn(), redirectUri: HERE };
  keep(signIn);
  sessionStorage.setItem('factord.start', HERE);
  location.assign(await authorizationUrl(signIn, { redirect_uri: HERE }));
}

async function here() {
  const signIn = newSignIn();
  const reply = await call(await authorizationUrl(signIn,
    { response_mode: 'pi.flow' }));
  if (reply.kind === 'state') {
    makeFlow(signIn).show(reply.state);
  } else {
    const { error, error_description: text, userMessage } = reply.error ?? {};
    showError(reply.error && new OidcError(error, text ?? userMessage));
  }
}

function makeFlow(signIn) {
  return new Flow(app, {
    heading: 'h2',
    restart: again,
    onState: ({ id }) => keep({ ...signIn, flowId: id }),
    onCompleted({ authorizeResponse = {} }) {
      finish(signIn, authorizeResponse);
      return true;
    },
  });
}

async function finish(signIn, answer) {
  sessionStorage.removeItem(KEPT);
  showPage('demo.working');
  try {
    const { issuer } = await discover();
    checkAnswer(signIn, answer, issuer);
    const { id_token: raw, access_token: access } = await exchange(signIn,
      answer.code);
    showResult(raw, await inspect(raw, { issuer, nonce: signIn.nonce }),
      await userinfo(access).catch((error) => ({ error: error.message })));
  } catch (error) {
    showError(error);
  }
}

// Only an answer to a question of ours: state, and the issuer (RFC 9207).
function checkAnswer(signIn, { state, iss, code, ...rest }, issuer) {
  if (!signIn || state !== signIn.state) {
    throw new OidcError('state', t('demo.foreign'));
  }
  if (iss !== undefined && iss !== issuer) {
    throw new OidcError('iss', t('demo.badIssuer'));
  }
  if (!code) {
    throw new OidcError(rest.error, rest.error_description);
  }
}

function showResult(raw, { header, claims, checks }, info) {
  const passed = Object.values(checks).every(Boolean);
  const word = passed ? 'demo.verified' : 'demo.notVerified';
  const section = (title, node) => [el('h3', {}, t(title)), node];
  showPage(word,
    el('p', { 'class': 'verdict', 'data-passed': String(passed) },
      t(`${word}Lead`)),
    section('demo.claims', claimTable(claims)),
    section('demo.checks', checkList(checks, header)),
    section('demo.userinfo', claimTable(info)),
    el('details', {}, el('summary', {}, t('demo.raw')),
      el('pre', { tabindex: '0' }, raw)), again());
}

function claimTable(claims) {
  const names = new Set([...FIRST.filter((name) => name in claims),
    ...Object.keys(claims)]);
  return el('table', {}, [...names].map((name) => el('tr', {},
    el('th', { scope: 'row' }, name),
    el('td', {}, claimText(name, claims[name])))));
}

function claimText(name, value) {
  if (TIMES.includes(name)) {
    return localTime(value);
  }
  return Array.isArray(value) || typeof value !== 'object'
    ? [value].flat().join(', ') : JSON.stringify(value);
}

function checkList(checks, header) {
  return el('ul', { class: 'checks' }, Object.entries(checks)
    .map(([name, passed]) => el('li', { 'data-passed': String(passed) },
      t(`demo.${name}`, header), ': ',
      t(passed ? 'demo.passed' : 'demo.missed'))));
}
