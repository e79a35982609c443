// SPDX-License-Identifier: MIT
// tests/http/lib/clients.mjs - OAuth clients of every kind, and their keys.
import { randomBytes } from 'node:crypto';

import * as jose from 'jose';

import { secret } from './secrets.mjs';

export const redirectUri = 'https://shop.acme.test/cb';
export const otherOrigin = 'http://127.0.0.1:8099'; // same site, other origin
export const otherSite = 'http://localhost:8098';

export const secrets = {
    basic: secret('client secret', `b:${randomBytes(12).toString('hex')}+%`),
    post: secret('client secret', `p-${randomBytes(12).toString('hex')}`),
    worker: secret('client secret', `w-${randomBytes(12).toString('hex')}`),
};

// A secret does not stand in a configuration: the daemons inherit these.
const fromEnvironment = (name) => {
    const variable = `FACTORD_TEST_SECRET_${name.toUpperCase()}`;
    process.env[variable] = secrets[name];
    return { $env: variable };
};

async function keyPair(alg, kid)
{
    const { privateKey, publicKey } =
        await jose.generateKeyPair(alg, { extractable: true });
    const jwk = { ...await jose.exportJWK(publicKey), kid, alg, use: 'sig' };
    return { privateKey, publicKey, jwk, kid, alg };
}

export const keys = {
    client: await keyPair('ES256', 'client-1'),
    hint: await keyPair('ES256', 'hint-1'),
    hintRsa: await keyPair('RS256', 'hint-rsa'),
    stranger: await keyPair('ES256', 'hint-1'),
};

export const hintClaims = (port, subject, over = {}) => ({
    iss: 'hint', sub: subject, aud: `http://127.0.0.1:${port}`,
    jti: randomBytes(12).toString('hex'), amr: ['pwd'], ...over,
});

export function clients(port)
{
    const base = `http://127.0.0.1:${port}`;
    const flow = { pi_flow: true, policies: ['otp'], id_token_alg: 'ES256',
                   origins: [base] };
    const web = { redirect_uris: [redirectUri], policies: ['otp'] };
    return {
        spa: { type: 'public', name: 'Shop', ...flow, ...web,
               origins: [base, otherOrigin] },
        // As the transcripts have it: without PKCE.
        'shop-spa': { type: 'public', ...flow, pkce: 'optional' },
        shop: { type: 'public', ...web, pkce: 'optional' },
        'two-uris': { type: 'public', policies: ['otp'], pkce: 'optional',
                      redirect_uris: ['https://a.acme.test/cb',
                                      'https://b.acme.test/cb?x=1'] },
        native: { type: 'public', pi_flow: true, native: true,
                  policies: ['otp'] },
        cookieless: { type: 'public', ...flow, cookieless: true,
                      pkce: 'optional' },
        basic: { type: 'confidential', secret: fromEnvironment('basic'), ...flow, ...web,
                 id_token_alg: 'RS256', claims: { who: 'password.username',
                                                  how: 'otp.method' } },
        post: { type: 'confidential', secret: fromEnvironment('post'), ...flow,
                token_endpoint_auth_method: 'client_secret_post' },
        signed: { type: 'confidential', ...flow,
                  jwks: { keys: [keys.client.jwk] } },
        hint: { type: 'public', ...flow, ...web,
                login_hint_token: { jwks: { keys: [keys.hint.jwk,
                                                   keys.hintRsa.jwk] } } },
        worker: { type: 'confidential', secret: fromEnvironment('worker'),
                  roles: ['Identity Data Read Only'] },
        'worker-none': { type: 'confidential', secret: fromEnvironment('worker'),
                         roles: ['Something Else'] },
    };
}
