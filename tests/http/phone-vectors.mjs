#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// tests/http/phone-vectors.mjs - the test vectors of doc/phone-protocol.md,
// read; or, with --write, made anew from what is fixed here.
import { createECDH, createHash, createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as jose from 'jose';

const here = dirname(fileURLToPath(import.meta.url));
const file = join(resolve(process.env.FACTOR_SRCDIR ?? join(here, '../..')),
                  'doc/phone-protocol.md');
const block = /(## 10\. Test vectors\n[^]*?```json\n)([^]*?)(\n```)/;

export function readVectors()
{
    return JSON.parse(block.exec(readFileSync(file, 'utf8'))[2]);
}

// --- What phones compute, by Node alone.

export function checkValue(thumbprint)
{
    const letters = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';
    const bits = createHash('sha256').update(`factor-check:${thumbprint}`)
        .digest().readUInt32BE();
    return [27, 22, 17, 12, 7, 2]
        .map((shift) => letters[(bits >>> shift) & 31]).join('');
}

export function base32(text)
{
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    let bits = '';
    for (const letter of text)
        bits += letters.indexOf(letter).toString(2).padStart(5, '0');
    return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

// RFC 6238 with SHA-1.
export function totp({ secret, digits, period }, time)
{
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(time / period)));
    const mac = createHmac('sha1', base32(secret)).update(counter).digest();
    const value = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(value % 10 ** digits).padStart(digits, '0');
}

// --- What is fixed.

const iat = 1700000000;
const issuer = 'https://sso.example.org';
const device = '0f6d6f4e-3c1b-4b55-9a57-2f1b0c7a9e11';
const user = '5a0f2b3c-77aa-4e0e-8f6c-6c1d2e3f4a5b';
const application = '7f0e2d1c-0b9a-4877-a665-544332211000';
const nonce = Buffer.from([...Array(16).keys()]).toString('base64url');
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

// A key pair whose private number is a hash of its name.
function keyOf(name)
{
    const d = createHash('sha256').update(name).digest();
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(d);
    const point = ecdh.getPublicKey();
    return { kty: 'EC', crv: 'P-256', x: point.toString('base64url', 1, 33),
             y: point.toString('base64url', 33), d: d.toString('base64url') };
}

export const publicOf = ({ kty, crv, x, y }) => ({ kty, crv, x, y });

async function describe(key)
{
    const thumbprint = await jose.calculateJwkThumbprint(key);
    return { jwk: key, thumbprint, check: checkValue(thumbprint) };
}

async function statement(key, claims)
{
    const jws = await new jose.CompactSign(
        Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'ES256', typ: 'factor-phone+jwt' })
        .sign(await jose.importJWK(key, 'ES256'));
    const end = jws.lastIndexOf('.');
    return { claims, input: jws.slice(0, end), signature: jws.slice(end + 1) };
}

const all = (purpose, ms) => ({
    v: 1, purpose, aud: issuer, iat,
    ...(ms ? { iat_ms: iat * 1000 + ms } : {}),
});
const paired = (purpose, ms) => ({ ...all(purpose, ms), device, user });
const about = { name: "Ann's phone", platform: 'android' };
const request = { request: '9b1d0c2e-5f4a-4c3b-8d7e-6a5b4c3d2e1f',
                  challenge: 'w3p8mX1tQvC0bYh2nKd7Zg', client: 'demo',
                  host: 'app.example.org', nonce };

function statementsOf(key, next)
{
    return {
        pair: { ...all('pair'), key: '7KQ2MX9ATB4DJW3R', application,
                ...about, push: 'webhook:https://push.example.org/ann' },
        requests: paired('requests'),
        known: { ...paired('requests'), known: {
            status: 'ACTIVE', name: about.name,
            requests: [request.challenge] } },
        approve: { ...paired('answer'), ...request, decision: 'approve',
                   number: '407193', method: 'face', exp: iat + 60 },
        deny: { ...paired('answer'), ...request, decision: 'deny',
                reason: 'REPORT_FRAUD', exp: iat + 60 },
        push: { ...paired('push', 1), push: null },
        proof: paired('proof'),
        key: { ...paired('key', 2), key: publicOf(next) },
        unpair: paired('unpair', 3),
        payload: { ...all('payload'), key: publicOf(key), client: 'demo',
                   application, jti: nonce, ...about },
    };
}

async function make()
{
    const key = keyOf('factor-phone test key 1');
    const next = keyOf('factor-phone test key 2');
    const statements = {};
    for (const [name, claims] of Object.entries(statementsOf(key, next))) {
        if (name === 'key')
            claims.proof = `${statements.proof.input}.` +
                           statements.proof.signature;
        statements[name] = await statement(name === 'proof' ? next : key,
                                           claims);
    }
    const passcode = { secret, digits: 6, period: 30 };
    return {
        key: await describe(key), new_key: await describe(next), statements,
        passcode: { ...passcode, codes: Object.fromEntries(
            [59, 1111111109, iat, iat + 29].map(
                (time) => [time, totp(passcode, time)])) },
    };
}

if (process.argv[2] === '--write') {
    const text = JSON.stringify(await make(), null, 2);
    writeFileSync(file, readFileSync(file, 'utf8').replace(
        block, (_, before, old, after) => before + text + after));
}
