// SPDX-License-Identifier: MIT
// The phone's side of doc/phone-protocol.md.

import { checkValue, makeKeys, nonce, passcodeKey, sign, thumbprint } from './keys.mjs';
import { book, change, keep, remove } from './store.mjs';

const PATIENCE_MS = 20000;
const ANSWER_MAX = 65536;
// Over https, or on this machine.
const SAFE = /^(https:\/\/[^\s?#@\\/]|http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?![^:/]))[^\s?#@\\]*$/;

// code: what the server named, or offline, busy, issuer, fp, link, code.
const trouble = (code, more) => Object.assign(new Error(code), { code, ...more });

// Nobody knows whether the call arrived.
export const isLost = ({ code }) => ['offline', 'busy'].includes(code);

// --- What may be relied on in an answer. ---

const INTEGER = Number.isSafeInteger;
const from = (least, most) => (value) => INTEGER(value) && value >= least && value <= most;
const like = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
const maybe = (is) => (value) => (value ?? null) === null || is(value);
const list = (is) => (value) => Array.isArray(value) && value.every(is);
const shaped = (shape) => (value) => value?.constructor === Object
  && Object.entries(shape).every(([name, is]) => is(value[name]));
const ID = like(/^[\w.~-]{1,128}$/);
const TEXT = like(/^[^]{0,512}$/);
const NOTE = maybe(TEXT);

const NUMBERS = {
  ENTER_MANUALLY: shaped({ digits: from(1, 16) }),
  SELECT_NUMBER: ({ choices }) => list(like(/^\d{1,16}$/))(choices) && from(2, 16)(choices.length),
};
const REQUEST = shaped({
  id: ID, challenge: TEXT, client: TEXT, client_name: NOTE, host: TEXT, address: NOTE, agent: NOTE,
  issued_at: INTEGER, expires_at: INTEGER, number: maybe((number) => NUMBERS[number.type]?.(number)),
});
const ANSWERS = {
  discovery: { issuer: TEXT, endpoint: like(SAFE), vapid_public_key: NOTE, applications: list(shaped({ id: ID, name: TEXT })) },
  keys: { keys: list(shaped({ kty: TEXT })) },
  pairings: {
    device: ID, user: shaped({ id: TEXT, name: TEXT }), issuer: TEXT, status: ID, check: ID,
    passcode: maybe(shaped({ secret: like(/^[A-Z2-7]{16,128}$/), digits: from(6, 8), period: from(1, 3600) })),
  },
  requests: { status: ID, requests: list((one) => shaped({ kind: TEXT })(one) && (one.kind !== 'authentication' || REQUEST(one))) },
  answers: { result: like(/^(approved|denied)$/) },
};

async function ask(url, what, { body, wait, signal = AbortSignal.timeout(PATIENCE_MS) } = {}) {
  let response, answer;
  try {
    response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: { ...body && { 'Content-Type': 'application/json' }, ...wait && { Prefer: `wait=${wait}` } },
      body: body && JSON.stringify(body),
      credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer', signal,
    });
    const text = await response.text();
    answer = text.length > ANSWER_MAX || JSON.parse(text);
  } catch (error) {
    throw trouble(error instanceof SyntaxError ? 'busy' : 'offline');
  }
  if (response.ok && shaped({ time: maybe(INTEGER), ...ANSWERS[what] })(answer)) {
    return answer;
  }
  throw trouble(response.ok || response.status >= 500 ? 'busy' : answer?.details?.[0]?.code,
    { time: answer?.time, retryAfter: Number(response.headers.get('Retry-After')) });
}

export const now = ({ offset }) => Date.now() + offset;

// "time" has whole seconds: an offset that nearly agrees with it stays.
async function learn(id, time) {
  const offset = time * 1000 + 500 - Date.now();
  return Math.abs(offset - book.get(id)?.offset) > 1500 && change(id, { offset });
}

async function state(pairing, purpose, members, keys = pairing.keys, ms = now(pairing)) {
  const { issuer: aud, device, user } = pairing;
  return { statement: await sign({ v: 1, purpose, aud, iat: Math.floor(ms / 1000), device, user: user?.id, ...members }, keys) };
}

// make(pairing, again) gives the body; again: our clock was wrong.
async function say(id, what, make, options) {
  for (let again = false; ; again = true) {
    const { endpoint, device } = book.get(id);
    try {
      const body = await make(book.get(id), again);
      const answer = await ask(`${endpoint}/${device ? `devices/${device}/` : ''}${what}`, what, { ...options, body });
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

// --- Pairing. ---

function makeLink(issuer, key, fp) {
  const code = key.replace(/[\s\p{Pd}]/gu, '').toUpperCase();
  if (!SAFE.test(issuer) || issuer.endsWith('/') || !URL.canParse(issuer)) {
    throw trouble('link');
  }
  if (!/^([A-HJKMNP-TV-Z\d]{16}|\d{12})$/.test(code)) {
    throw trouble('code');
  }
  return { issuer, code, fp };
}

// A pairing link: {issuer, code, fp}; undefined if it is none at all.
export function readLink(text) {
  const { v, iss, key = '', fp = '' } = Object.fromEntries(new URLSearchParams(text.trim().replace(/^[^#]*#/, '')));
  return v === '1' ? makeLink(iss, key, fp) : undefined;
}

// The same, without fp, of "SSO.example.org/" and a key.
export function readTyped(text, key) {
  const typed = text.trim().toLowerCase().replace(/\/+$/, '');
  return readLink(text) ?? makeLink(typed.includes('://') ? typed : `https://${typed}`, key);
}

export async function discover(issuer) {
  const found = await ask(`${issuer}/.well-known/factor-phone`, 'discovery').catch((error) => {
    throw error.code === 'offline' ? error : trouble('issuer');
  });
  if (found.issuer !== issuer || !found.endpoint.startsWith(issuer.split(':')[0])) {
    throw trouble('issuer');
  }
  return found;
}

// Gives the pairing's id.
export async function pair({ issuer, code, fp }, name) {
  const { endpoint, applications } = await discover(issuer);
  // Which of them are we? One says so, or it is the first.
  const { id: application } = applications.find((one) => /authenticator/i.test(one.name)) ?? applications[0] ?? {};
  if (fp !== undefined) {
    const { keys } = await ask(`${issuer}/pf/JWKS`, 'keys');
    if (!(await Promise.all(keys.map(thumbprint))).includes(fp)) {
      throw trouble('fp');
    }
  }
  // The same keys claim the same code again, if the answer was lost.
  const begun = [...book.values()].find((one) => one.issuer === issuer && one.code === code);
  const id = begun?.id ?? crypto.randomUUID();
  const pairing = { id, made: Date.now(), keys: await makeKeys(), offset: 0, issuer, code, ...begun, endpoint, name };
  await keep(pairing);
  try {
    await finish(pairing, await say(id, 'pairings', async (one) => ({
      key: one.keys.jwk, ...await state(one, 'pair', { key: code, application, name, platform: 'web' }),
    })));
  } catch (error) {
    isLost(error) || error.code === 'REQUEST_LIMITED' || await remove(id);
    throw error;
  }
  return id;
}

async function finish({ id, issuer, keys }, { device, user, status, passcode, ...answer }) {
  if (answer.issuer !== issuer || answer.check !== await checkValue(keys.jwk)) {
    throw trouble('fp');
  }
  const kept = passcode && { ...passcode, key: await passcodeKey(passcode.secret), secret: undefined };
  await change(id, { device, user, status, passcode: kept, code: undefined });
}

export const fetchRequests = (id, options, keys) => say(id, 'requests', (pairing) => state(pairing, 'requests', {}, keys), options);

// Gives a function that sends it, the very same each time.
export function makeAnswer(id, { id: request, challenge, client, host, expires_at: end }, members) {
  let body;
  return () => say(id, 'answers', async (pairing, again) => {
    const exp = Math.min(end, Math.floor(now(pairing) / 1000) + 60);
    const make = () => state(pairing, 'answer', { request, challenge, client, host, nonce: nonce(), ...members, exp });
    return body = again || !body ? await make() : body;
  });
}

const sendChange = (id, purpose, members) => say(id, purpose, async (pairing) => {
  // From the future: it was refused for its clock and does not count.
  const last = pairing.lastMs > now(pairing) + 60000 ? 0 : pairing.lastMs ?? 0;
  const ms = Math.max(now(pairing), last + 1);
  await change(id, { lastMs: ms });
  return state(pairing, purpose, { iat_ms: ms, ...await members?.(pairing, ms) }, pairing.keys, ms);
});

export const sendPush = (id, push) => sendChange(id, 'push', () => ({ push }));
export const sendUnpair = (id) => sendChange(id, 'unpair');

// Gives whether it was done.
export async function renewKey(id) {
  const next = await makeKeys();
  await settle(id);
  await change(id, { next });
  await sendChange(id, 'key', async (pairing, ms) => ({
    key: next.jwk, proof: (await state(pairing, 'proof', {}, next, ms)).statement,
  })).catch(() => {});
  await settle(id);
  return book.get(id).keys.jwk.x === next.jwk.x;
}

// Which keys does the host know, the next ones or still the old ones?
export async function settle(id) {
  const { keys, next } = book.get(id);
  for (const one of next ? [next, keys] : []) {
    try {
      await fetchRequests(id, {}, one);
      return await change(id, { keys: one, next: undefined });
    } catch (error) {
      if (error.code !== 'INVALID_STATEMENT') {
        throw error;
      }
    }
  }
}
