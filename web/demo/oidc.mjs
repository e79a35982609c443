// SPDX-License-Identifier: MIT
// OpenID Connect in a browser: the code flow with PKCE, and a look at the ID
// token that believes nothing. No page here, only the protocol.

const CLIENT = 'demo';
const SKEW_S = 60;
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const ALGORITHMS = new Map([['ES256', { kty: 'EC', use: EC }],
  ['RS256', { kty: 'RSA', use: RSA }]]);

export class OidcError extends Error {
  constructor(code, description) {
    super(code);
    this.code = code;
    this.description = description;
  }
}

// Everything that the answer will be held against.
export function newSignIn() {
  return { verifier: random(), state: random(), nonce: random() };
}

// acr_values of the page's own address: which policy to ask for.
export async function authorizationUrl({ verifier, state, nonce }, extra) {
  const acr = new URLSearchParams(location.search).get('acr_values');
  const hash = await crypto.subtle.digest('SHA-256', bytesOf(verifier));
  return `/as/authorization.oauth2?${new URLSearchParams({
    client_id: CLIENT,
    response_type: 'code',
    scope: 'openid profile',
    state,
    nonce,
    code_challenge: toBase64url(new Uint8Array(hash)),
    code_challenge_method: 'S256',
    ...(acr && { acr_values: acr }),
    ...extra,
  })}`;
}

function random() {
  return toBase64url(crypto.getRandomValues(new Uint8Array(32)));
}

export function discover() {
  return getJson('/.well-known/openid-configuration');
}

export function exchange({ verifier, redirectUri }, code) {
  const form = new URLSearchParams({ grant_type: 'authorization_code',
    client_id: CLIENT, code, code_verifier: verifier });
  if (redirectUri) {
    form.set('redirect_uri', redirectUri);
  }
  return getJson('/as/token.oauth2', { method: 'POST', body: form });
}

export function userinfo(accessToken) {
  return getJson('/idp/userinfo.openid',
    { headers: { Authorization: `Bearer ${accessToken}` } });
}

async function getJson(url, options) {
  const response = await fetch(url,
    { cache: 'no-store', credentials: 'omit', ...options });
  const body = await response.json();
  if (!response.ok) {
    throw new OidcError(body.error ?? `HTTP ${response.status}`,
      body.error_description);
  }
  return body;
}

// {header, claims, checks: {name: passed}}; all must have passed.
export async function inspect(idToken, { issuer, nonce }) {
  const parts = idToken.split('.');
  const [header, claims] = parts.slice(0, 2).map(fromJson);
  const { iss, aud, azp = CLIENT, exp, iat } = claims;
  const now = Date.now() / 1000;
  return {
    header,
    claims,
    checks: {
      signature: parts.length === 3 && await signatureHolds(header, parts),
      iss: iss === issuer,
      aud: [aud].flat().includes(CLIENT) && azp === CLIENT,
      nonce: claims.nonce === nonce,
      exp: exp + SKEW_S > now && iat - SKEW_S < now,
    },
  };
}

// The token may choose only among our algorithms, and only a key that the
// server publishes for exactly that algorithm.
async function signatureHolds({ alg, kid }, [head, body, signature]) {
  const { kty, use } = ALGORITHMS.get(alg) ?? {};
  const { keys } = await getJson('/pf/JWKS');
  const jwk = keys.find((key) => key.kid === kid && key.kty === kty
    && (key.alg ?? alg) === alg && (key.use ?? 'sig') === 'sig');
  if (!jwk) {
    return false;
  }
  const key = await crypto.subtle.importKey('jwk', jwk, use, false, ['verify']);
  return crypto.subtle.verify(use, key, fromBase64url(signature),
    bytesOf(`${head}.${body}`));
}

function bytesOf(text) {
  return new TextEncoder().encode(text);
}

function fromJson(part) {
  return JSON.parse(new TextDecoder().decode(fromBase64url(part)));
}

function fromBase64url(text) {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function toBase64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
