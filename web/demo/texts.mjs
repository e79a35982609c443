// SPDX-License-Identifier: MIT
// What the demo application says.

import { addTexts } from '/common/strings.mjs';

addTexts('demo', {
  title: 'Demo application',
  redirect: 'Sign in (redirect)',
  here: 'Sign in (this page)',
  insecure: 'Browsers do cryptography only for https pages and for this machine. Open this page over https, or at http://127.0.0.1 with the same port.',
  otherOrigin: 'The server calls itself {issuer}. Sign in from there:',
  foreign: 'This answer does not belong to a sign-in that began in this tab.',
  badIssuer: 'The answer names another issuer and was dropped.',
  error: 'The sign-in did not succeed',
  working: 'Checking the answer…',
  verified: 'Verified',
  verifiedLead: 'The ID token is genuine and meant for this application.',
  notVerified: 'Not verified',
  notVerifiedLead: 'The ID token failed a check. An application must not accept it.',
  checks: 'What was checked',
  claims: 'What the ID token says',
  userinfo: 'What userinfo says',
  raw: 'ID token as received',
  again: 'Start over',
  passed: 'passed',
  missed: 'failed',
  signature: 'Signature ({alg}, key {kid})',
  iss: 'Issuer',
  aud: 'Audience',
  nonce: 'Nonce of this sign-in',
  exp: 'Not expired',
});
