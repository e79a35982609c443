// SPDX-License-Identifier: MIT
// The test vectors of doc/phone-protocol.md, by code that is not the phone's.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

import * as jose from 'jose';

import { checkValue, publicOf, readVectors, totp } from './phone-vectors.mjs';
import { run, skip, test } from './lib/tap.mjs';

const vectors = readVectors();
const decode = (part) => Buffer.from(part, 'base64url').toString();

test('keys: thumbprints and check values', async () => {
    for (const { jwk, thumbprint, check } of [vectors.key, vectors.new_key]) {
        assert.equal(await jose.calculateJwkThumbprint(publicOf(jwk)),
                     thumbprint);
        assert.equal(checkValue(thumbprint), check);
        assert.match(check, /^[A-HJKMNP-TV-Z0-9]{6}$/);
    }
});

test('keys: d is the private number of x and y', async () => {
    for (const { jwk } of [vectors.key, vectors.new_key]) {
        const message = Buffer.from('message');
        const jws = await new jose.CompactSign(message)
            .setProtectedHeader({ alg: 'ES256' })
            .sign(await jose.importJWK(jwk, 'ES256'));
        await jose.compactVerify(jws,
                                 await jose.importJWK(publicOf(jwk), 'ES256'));
    }
});

for (const [name, { claims, input, signature }] of
     Object.entries(vectors.statements)) {
    const { jwk } = name === 'proof' ? vectors.new_key : vectors.key;

    test(`${name}: the signing input is of these claims`, () => {
        const [header, payload] = input.split('.').map(decode);
        assert.equal(header, '{"alg":"ES256","typ":"factor-phone+jwt"}');
        assert.equal(payload, JSON.stringify(claims));
    });
    test(`${name}: npm jose verifies it`, async () => {
        const key = await jose.importJWK(publicOf(jwk), 'ES256');
        await jose.compactVerify(`${input}.${signature}`, key);
        const other = name === 'proof' ? vectors.key : vectors.new_key;
        await assert.rejects(jose.compactVerify(
            `${input}.${signature}`,
            await jose.importJWK(publicOf(other.jwk), 'ES256')));
    });
    test(`${name}: the jose command verifies it`, () => {
        if (spawnSync('jose', ['--version']).error)
            skip('jose is not installed');
        const done = spawnSync('bash', ['-c',
            'jose jws ver -i "$0" -k <(printf %s "$1") -O -',
            `${input}.${signature}`, JSON.stringify(publicOf(jwk))],
                               { encoding: 'utf8' });
        assert.equal(done.status, 0, done.stderr);
        assert.deepEqual(JSON.parse(done.stdout), claims);
    });
}

test('there is a statement of each purpose', () => {
    assert.deepEqual(
        [...new Set(Object.values(vectors.statements)
            .map(({ claims }) => claims.purpose))].sort(),
        ['answer', 'key', 'pair', 'payload', 'proof', 'push', 'requests',
         'unpair']);
});

test('key: the proof is the statement of that name', () => {
    const { input, signature } = vectors.statements.proof;
    assert.equal(vectors.statements.key.claims.proof,
                 `${input}.${signature}`);
});

test('passcodes: of RFC 6238 and of oathtool', () => {
    const { codes, ...passcode } = vectors.passcode;
    // The RFC's appendix B has eight digits of the same key.
    assert.equal(codes['59'], '94287082'.slice(2));
    assert.equal(codes['1111111109'], '07081804'.slice(2));
    for (const [time, code] of Object.entries(codes)) {
        assert.equal(totp(passcode, Number(time)), code);
        const tool = spawnSync('oathtool', [
            '--totp', '--base32', `--digits=${passcode.digits}`,
            `--now=@${time}`, passcode.secret], { encoding: 'utf8' });
        if (!tool.error)
            assert.equal(tool.stdout.trim(), code);
    }
});

await run();
