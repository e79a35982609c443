// SPDX-License-Identifier: MIT
// The Authentication API over fetch. Every call ends in one of four replies:
//   {kind: 'state', state}   the flow's state
//   {kind: 'error', error}   the flow stands where it stood
//   {kind: 'ended'}          there is no such flow (any more)
//   {kind: 'offline'}        nothing understandable came back

import { language } from './strings.mjs';

const FLOWS = '/pf-ws/authn/flows/';
const HEADERS = { 'Accept': 'application/json', 'Accept-Language': language,
  'X-XSRF-Header': 'factord' };
const PATIENCE_MS = 30000;

export function readFlow(id) {
  return call(FLOWS + id, { headers: HEADERS });
}

export function actOnFlow(id, action, body = {}) {
  return call(FLOWS + id, {
    method: 'POST',
    headers: {
      ...HEADERS,
      'Content-Type': `application/vnd.pingidentity.${action}+json`,
    },
    body: JSON.stringify(body),
  });
}

// Also for the authorization endpoint, which takes no header of ours.
export async function call(url, options) {
  try {
    const response = await fetch(url, {
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...options,
    });
    return replyFrom(response.status, await response.json());
  } catch {
    return { kind: 'offline' };
  }
}

// The member "status" is what tells a state from an error, not the HTTP code.
function replyFrom(http, body) {
  if (body.status) {
    return { kind: 'state', state: body };
  }
  return body.code === 'RESOURCE_NOT_FOUND' || http === 404
    ? { kind: 'ended' } : { kind: 'error', error: { ...body, http } };
}
