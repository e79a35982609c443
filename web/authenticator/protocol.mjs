// SPDX-License-Identifier: MIT
// The phone's side of doc/phone-protocol.md.

import { checkValue, makeKeys, nonce, passcodeKey, sign, thumbprint } from './keys.mjs';
import { book, change, keep, remove } from './store.mjs';

const PATIENCE_MS = 20000;
const ANSWER_MAX = 65536;
// A stream begins at once, unless a proxy keeps it, and gives signs of life.
const BEGIN_MS = 5000;
const SILENCE_MS = 40000;
// Over https, or on this machine.
const SAFE = /^(https:\/\/[^\s?#@\\/]|http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?![^:/]))[^\s?#@\\]*$/;

// code: what the server named, or offline, busy, issuer, fp, link, code.
const trouble = (code, more) => Object.assign(new Error(code), { code, ...more });

// Nobody knows whether the call arrived.
export const isLost = ({ code }) => ['offline', 'busy'].includes(code);

// --- What may be relied on in an answer. ---

const INTEGER = Number.isSafeInteger;
const EVENTS = 'text/event-stream';
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
  requests: { status: ID, name: NOTE, requests: list((one) => shaped({ kind: TEXT })(one) && (one.kind !== 'authentication' || REQUEST(one))) },
  answers: { result: like(/^(approved|denied)$/) },
};

// Gives the answer, if it is one; each: it may be a stream, whose events are
// given one after the other.
async function ask(url, what, { body, wait, each, signal = AbortSignal.timeout(PATIENCE_MS) } = {}) {
  const deaf = new AbortController();
  let response, timer;
  const patience = (ms) => {
    clearTimeout(timer);
    timer = each && setTimeout(() => deaf.abort(), ms);
  };
  const offline = () => {
    throw trouble('offline');
  };
  try {
    patience(BEGIN_MS);
    response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...body && { 'Content-Type': 'application/json' }, ...wait && { Prefer: `wait=${wait}` }, ...each && { Accept: EVENTS },
      },
      body: body && JSON.stringify(body),
      credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer',
      signal: each ? AbortSignal.any([signal, deaf.signal]) : signal,
    }).catch(offline);
    if (!response.headers.get('Content-Type')?.startsWith(EVENTS)) {
      return judge(what, response, await response.text().catch(offline));
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const { value, done } = await reader.read().catch(offline);
      if (done) {
        return undefined;
      }
      const blocks = (text + value).split('\n\n');
      text = blocks.pop();
      if (text.length > 2 * ANSWER_MAX) {
        throw trouble('busy');
      }
      patience(SILENCE_MS);
      for (const [, refused, data] of blocks.map((one) => /^(event: refused\n)?data: (.*)$/.exec(one)).filter(Boolean)) {
        await each(judge(what, refused ? { status: 400 } : response, data));
      }
    }
  } finally {
    clearTimeout(timer);
    deaf.abort();
  }
}

function judge(what, { ok, status, headers }, text) {
  let answer;
  try {
    answer = text.length > ANSWER_MAX || JSON.parse(text);
  } catch {
    throw trouble('busy');
  }
  if (ok && shaped({ time: maybe(INTEGER), ...ANSWERS[what] })(answer)) {
    return answer;
  }
  throw trouble(ok || status >= 500 ? 'busy' : answer?.details?.[0]?.code,
    { time: answer?.time, retryAfter: Number(headers?.get('Retry-After')) });
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
      const take = async (answer) => {
        await learn(id, answer.time);
        return answer;
      };
      const each = options?.each && (async (answer) => options.each(await take(answer)));
      const answer = await ask(`${endpoint}/${device ? `devices/${device}/` : ''}${what}`, what, { ...options, body, each });
      return answer && take(answer);
    } catch (error) {
      await learn(id, error.time);
      if (again || error.code !== 'CLOCK_NOT_SYNCHRONIZED') {
        throw error;
      }
    }
  }
}

// --- Pairing. ---

function makeLink(issuer, key, fp, app) {
  const code = key.replace(/[\s\p{Pd}]/gu, '').toUpperCase();
  if (!SAFE.test(issuer) || issuer.endsWith('/') || !URL.canParse(issuer)) {
    throw trouble('link');
  }
  if (!/^([A-HJKMNP-TV-Z\d]{16}|\d{12})$/.test(code)) {
    throw trouble('code');
  }
  return { issuer, code, fp, app };
}

// A pairing link: {issuer, code, fp, app}; undefined if it is none at all.
export function readLink(text) {
  const { v, iss, key = '', fp = '', app } = Object.fromEntries(new URLSearchParams(text.trim().replace(/^[^#]*#/, '')));
  return v === '1' ? makeLink(iss, key, fp, app) : undefined;
}

// The same, without fp and app, of "SSO.example.org/" and a key.
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
export async function pair({ issuer, code, fp, app }, name) {
  const { endpoint, applications } = await discover(issuer);
  // Which of them are we? The link says so, or one's name does, or it is the first.
  const own = app ? { name: app } : applications.find((one) => /authenticator/i.test(one.name)) ?? applications[0];
  const { id: application } = applications.find((one) => one.name === own?.name) ?? {};
  if (app && !application) {
    throw trouble('APPLICATION_INVALID');
  }
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

// known: the answer that was given last. Gives nothing if it was a stream.
export const fetchRequests = (id, { known, ...options }, keys) => say(id, 'requests', (pairing) => state(pairing, 'requests', {
  known: known && { status: known.status, name: known.name, requests: known.requests.map(({ challenge }) => challenge) },
}, keys), options);

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
