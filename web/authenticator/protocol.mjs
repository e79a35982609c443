// SPDX-License-Identifier: MIT
// The phone's side of doc/phone-protocol.md.

import { checkValue, makeKeys, nonce, passcodeKey, sign, thumbprint } from './keys.mjs';
import { add, book, change, paired, remove } from './store.mjs';

const PATIENCE_MS = 20000;
const ANSWER_MAX = 65536;
const LOCAL = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/;

// code: what the server named, or offline, busy, issuer, fp, link, code.
const trouble = (code, more) => Object.assign(new Error(code), { code, ...more });

// Nobody knows whether the call arrived.
export const isLost = ({ code }) => ['offline', 'busy'].includes(code);

// --- What may be relied on in an answer. ---

const INTEGER = Number.isSafeInteger;
const matches = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
const ID = matches(/^[\w.~-]{1,128}$/);
const TEXT = matches(/^[^]{0,512}$/);
const maybe = (is) => (value) => value === undefined || value === null || is(value);
const listOf = (is) => (value) => Array.isArray(value) && value.every(is);
const fits = (shape) => (value) => value?.constructor === Object
  && Object.entries(shape).every(([name, is]) => is(value[name]));

const NUMBERS = {
  ENTER_MANUALLY: ({ digits }) => INTEGER(digits) && digits > 0 && digits < 17,
  SELECT_NUMBER: ({ choices }) => listOf(matches(/^\d{1,16}$/))(choices) && choices.length > 1 && choices.length < 17,
};
const REQUEST = fits({
  id: ID, challenge: TEXT, client: TEXT, client_name: maybe(TEXT), host: TEXT, address: maybe(TEXT), agent: maybe(TEXT),
  issued_at: INTEGER, expires_at: INTEGER, number: maybe((number) => NUMBERS[number.type]?.(number)),
});
const SHAPES = {
  discovery: { issuer: TEXT, endpoint: TEXT, vapid_public_key: maybe(TEXT), applications: listOf(fits({ id: ID, name: TEXT })) },
  pairings: {
    device: ID, user: fits({ id: TEXT, name: TEXT }), issuer: TEXT, status: ID, check: ID,
    passcode: maybe(fits({ secret: matches(/^[A-Z2-7]{16,128}$/), digits: (n) => [6, 7, 8].includes(n), period: (n) => INTEGER(n) && n > 0 })),
  },
  requests: { status: ID, requests: listOf((one) => fits({ kind: TEXT })(one) && (one.kind !== 'authentication' || REQUEST(one))) },
  answers: { result: matches(/^(approved|denied)$/) },
};

// --- Calls. ---

async function ask(url, shape, { body, wait, signal = AbortSignal.timeout(PATIENCE_MS) } = {}) {
  let response, answer;
  try {
    response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: { ...body && { 'Content-Type': 'application/json' }, ...wait && { Prefer: `wait=${wait}` } },
      body: body && JSON.stringify(body),
      credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer', signal,
    });
    const text = await response.text();
    answer = text.length > ANSWER_MAX ? null : JSON.parse(text);
  } catch (error) {
    throw trouble(error instanceof SyntaxError ? 'busy' : 'offline');
  }
  if (response.ok && fits({ time: maybe(INTEGER), ...shape })(answer)) {
    return answer;
  }
  throw trouble(response.ok || response.status >= 500 ? 'busy' : answer?.details?.[0]?.code,
    { time: answer?.time, retryAfter: Number(response.headers.get('Retry-After')) });
}

// --- The host's clock. ---

export const now = ({ offset }) => Date.now() + offset;

// "time" has whole seconds: an offset that agrees with it stays as it is.
function offsetBy(time, offset = 0) {
  const least = time * 1000 - Date.now();
  return Math.min(Math.max(offset, least - 1000), least + 1999);
}

async function learn(id, time) {
  const { offset } = book.get(id) ?? {};
  const found = INTEGER(time) ? offsetBy(time, offset) : offset;
  if (found !== offset) {
    await change(id, (pairing) => { pairing.offset = found; });
  }
}

// --- Statements. ---

function statement(pairing, purpose, members, keys = pairing.keys, ms = now(pairing)) {
  const { issuer: aud, device, user } = pairing;
  return sign({ v: 1, purpose, aud, iat: Math.floor(ms / 1000), device, user: user?.id, ...members }, keys);
}

// make(pairing, again) gives the body; again: the clock was wrong.
async function say(id, what, make, options) {
  for (let again = false; ; again = true) {
    const { endpoint, device } = book.get(id);
    try {
      const body = await make(book.get(id), again);
      const answer = await ask(`${endpoint}/${device ? `devices/${device}/` : ''}${what}`, SHAPES[what], { ...options, body });
      await learn(id, answer.time);
      return answer;
    } catch (error) {
      await learn(id, error.time);
      if (again || error.code !== 'CLOCK_NOT_SYNCHRONIZED') {
        throw error;
      }
    }
  }
}

// --- Links and discovery. ---

function checkIssuer(issuer) {
  if (!URL.canParse(issuer) || !/^https:\/\/[^\s?#@\\]+[^\s?#@\\/]$/.test(issuer) && !LOCAL.test(issuer)) {
    throw trouble('link');
  }
  return issuer;
}

function checkCode(text) {
  const code = text.replace(/[\s\p{Pd}]/gu, '').toUpperCase();
  if (!/^([A-HJKMNP-TV-Z\d]{16}|\d{12})$/.test(code)) {
    throw trouble('code');
  }
  return code;
}

// A pairing link: {issuer, code, fp}; undefined if it is none at all.
export function readLink(text) {
  const { v, iss, key = '', fp = '' } = Object.fromEntries(new URLSearchParams(text.trim().replace(/^[^#]*#/, '')));
  return v === '1' ? { issuer: checkIssuer(iss), code: checkCode(key), fp } : undefined;
}

// The same of what a user typed: a link, or "SSO.example.org/" and a key.
export function readTyped(text, key) {
  const url = text.includes('://') ? text.trim() : `https://${text.trim()}`;
  const { origin, pathname } = URL.canParse(url) ? new URL(url) : {};
  return readLink(text) ?? { issuer: checkIssuer(`${origin}${pathname}`.replace(/\/+$/, '')), code: checkCode(key) };
}

export async function discover(issuer) {
  const found = await ask(`${issuer}/.well-known/factor-phone`, SHAPES.discovery).catch(({ code }) => {
    throw trouble(code === 'offline' ? code : 'issuer');
  });
  const { endpoint } = found;
  if (found.issuer !== issuer || !endpoint.startsWith('https://') && !(LOCAL.test(endpoint) && LOCAL.test(issuer))) {
    throw trouble('issuer');
  }
  return found;
}

async function checkPrint(issuer, fp) {
  const { keys } = await ask(`${issuer}/pf/JWKS`, { keys: listOf(fits({ kty: TEXT })) });
  if (!(await Promise.all(keys.map(thumbprint))).includes(fp)) {
    throw trouble('fp');
  }
}

// --- Pairing. ---

// Gives the pairing's id.
export async function pair({ issuer, code, fp }, name) {
  const { endpoint, applications, time } = await discover(issuer);
  // Which of them are we? One says so, or it is the first.
  const { id: application } = applications.find((one) => /authenticator/i.test(one.name)) ?? applications[0] ?? {};
  if (fp !== undefined) {
    await checkPrint(issuer, fp);
  }
  // The same keys claim the same code again, if the answer was lost.
  const begun = [...book.values()].find((one) => one.issuer === issuer && one.code === code);
  const id = begun?.id ?? crypto.randomUUID();
  await add({ id, made: Date.now(), keys: await makeKeys(), issuer, code, ...begun, endpoint, name, offset: offsetBy(time) });
  try {
    await finish(id, await say(id, 'pairings', async (pairing) => ({
      key: pairing.keys.jwk,
      statement: await statement(pairing, 'pair', { key: code, application, name, platform: 'web' }),
    })));
  } catch (error) {
    if (!isLost(error) && error.code !== 'REQUEST_LIMITED') {
      await remove(id);
    }
    throw error;
  }
  return id;
}

async function finish(id, { device, user, status, passcode, issuer, check }) {
  if (issuer !== book.get(id).issuer || check !== await checkValue(book.get(id).keys.jwk)) {
    throw trouble('fp');
  }
  const { secret, digits, period } = passcode ?? {};
  const kept = secret && { key: await passcodeKey(secret), digits, period };
  for (const old of paired().filter((one) => one.issuer === issuer && one.device === device)) {
    await remove(old.id);
  }
  await change(id, (pairing) => Object.assign(pairing, { device, user, status, passcode: kept, code: undefined }));
}

// --- What waits, and the answer. ---

export function fetchRequests(id, options, keys) {
  return say(id, 'requests', async (pairing) => ({ statement: await statement(pairing, 'requests', {}, keys) }), options);
}

// Gives a function that sends it: the very same each time it is called.
export function makeAnswer(id, { id: request, challenge, client, host, expires_at: end }, members) {
  let body;
  return async () => (await say(id, 'answers', async (pairing, again) => {
    const exp = Math.min(end, Math.floor(now(pairing) / 1000) + 60);
    if (again || !body) {
      body = { statement: await statement(pairing, 'answer', { request, challenge, client, host, nonce: nonce(), ...members, exp }) };
    }
    return body;
  })).result;
}

// --- Changes. ---

function sendChange(id, purpose, members = () => {}) {
  return say(id, purpose, async () => {
    await change(id, (one) => {
      // From the future: it was refused for its clock and does not count.
      const last = one.lastMs > now(one) + 60000 ? 0 : one.lastMs ?? 0;
      one.lastMs = Math.max(now(one), last + 1);
    });
    const pairing = book.get(id);
    const ms = pairing.lastMs;
    return { statement: await statement(pairing, purpose, { iat_ms: ms, ...await members(pairing, ms) }, pairing.keys, ms) };
  });
}

export const sendPush = (id, push) => sendChange(id, 'push', () => ({ push }));
export const sendUnpair = (id) => sendChange(id, 'unpair');

export async function renewKey(id) {
  const next = await makeKeys();
  await change(id, (pairing) => { pairing.next = next; });
  const refused = await sendChange(id, 'key', async (pairing, ms) => ({
    key: next.jwk, proof: await statement(pairing, 'proof', {}, next, ms),
  })).then(() => null, (error) => error);
  await settle(id);
  if (book.get(id).keys.jwk.x !== next.jwk.x) {
    throw refused;
  }
}

// Which keys does the host know, the next ones or still the old ones?
export async function settle(id) {
  const { keys, next } = book.get(id);
  for (const one of next ? [next, keys] : []) {
    try {
      await fetchRequests(id, {}, one);
      await change(id, (pairing) => Object.assign(pairing, { keys: one, next: undefined }));
      return;
    } catch (error) {
      if (error.code !== 'INVALID_STATEMENT') {
        throw error;
      }
    }
  }
}
