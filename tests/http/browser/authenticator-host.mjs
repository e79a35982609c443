// SPDX-License-Identifier: MIT
// tests/http/browser/authenticator-host.mjs - the host's side of
// doc/phone-protocol.md, in memory: what the authenticator page speaks to in
// its tests. Every statement is verified by npm jose.
//
//     const host = await phoneHost();
//     const { link, typed } = host.pairingKey('ann');
//     const device = await host.paired();          // a page has claimed it
//     host.activate(device);
//     const asked = host.ask(device, { number: '407193' });
//     const { claims } = await asked.answered;
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes,
         randomUUID } from 'node:crypto';
import http from 'node:http';

import * as jose from 'jose';

import { freePort, until } from '../lib/daemon.mjs';
import { atEnd } from '../lib/tap.mjs';

const letters = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const id = /^[\w.~-]{1,128}$/;
const random = (alphabet, length) => [...randomBytes(length)]
    .map((byte) => alphabet[byte % alphabet.length]).join('');

export function checkValue(thumbprint)
{
    const bits = createHash('sha256').update(`factor-check:${thumbprint}`)
        .digest().readUInt32BE();
    return [27, 22, 17, 12, 7, 2]
        .map((shift) => letters[(bits >>> shift) & 31]).join('');
}

class Refusal extends Error {
    constructor(status, code, headers = {})
    {
        super(code);
        Object.assign(this, { status, code, headers });
    }
}

function must(held, code = 'INVALID_STATEMENT')
{
    if (!held)
        throw new Refusal(400, code);
}

class PhoneHost {
    constructor(port)
    {
        this.port = port;
        this.issuer = `http://127.0.0.1:${port}`;
        this.environment = randomUUID();
        this.applications = [{ id: randomUUID(), name: 'factor-phone' },
                             { id: randomUUID(), name: 'Authenticator' }];
        this.vapid = null;
        this.skew = 0;      // seconds that its clock is ahead
        this.down = false;  // no connection is answered
        this.lose = 0;      // answers that are lost, once they are made
        this.refuse = null; // a Refusal for each call
        this.codes = new Map();
        this.devices = new Map();
        this.calls = [];    // "POST requests"
        this.wakers = new Set();
        this.streams = 0;   // that were begun
        this.open = new Set();
        this.stream = 'well'; // or 'none', or 'kept' back by a proxy
    }

    now()
    {
        return Math.floor(Date.now() / 1000) + this.skew;
    }

    async start()
    {
        const { publicKey } = await jose.generateKeyPair('ES256');
        const jwk = await jose.exportJWK(publicKey);
        this.jwks = { keys: [{ ...jwk, kid: 'a', use: 'sig', alg: 'ES256' }] };
        this.fingerprint = await jose.calculateJwkThumbprint(jwk);
        this.server = http.createServer((request, response) => {
            this.handle(request, response).catch((error) => {
                this.error ??= error;
                response.destroy();
            });
        });
        await new Promise((done, fail) => {
            this.server.once('error', fail);
            this.server.listen(this.port, '127.0.0.1', done);
        });
        return this;
    }

    async stop()
    {
        this.server.closeAllConnections();
        await new Promise((done) => { this.server.close(done); });
        if (this.error)
            throw this.error;
    }

    offerPush()
    {
        const { publicKey } = generateKeyPairSync('ec', {
            namedCurve: 'P-256' });
        const { x, y } = publicKey.export({ format: 'jwk' });
        this.vapid = Buffer.concat([
            Buffer.from([4]), Buffer.from(x, 'base64url'),
            Buffer.from(y, 'base64url')]).toString('base64url');
    }

    // --- What tests do.

    pairingKey(name, { digits = false, status = 'ACTIVATION_REQUIRED',
                       fingerprint = this.fingerprint } = {})
    {
        const key = digits ? random('0123456789', 12) : random(letters, 16);
        this.codes.set(key, { user: { id: randomUUID(), name }, status });
        const parts = { v: '1', iss: this.issuer, key, fp: fingerprint };
        return { key, link: `#${new URLSearchParams(parts)}`,
                 typed: key.match(/.{4}/g).join(' ').toLowerCase() };
    }

    // The newest device.
    async paired(count = 1)
    {
        await until('a device', () => this.devices.size >= count, 15000);
        return [...this.devices.values()].at(-1);
    }

    activate(device, status = 'ACTIVE')
    {
        device.status = status;
        this.wake();
    }

    ask(device, { number, choices, life = 60, ...more } = {})
    {
        const request = {
            id: randomUUID(), kind: 'authentication',
            challenge: randomBytes(16).toString('base64url'),
            client: 'demo', client_name: 'Demo app', host: 'app.example.org',
            address: '203.0.113.7', agent: 'Firefox on Linux',
            issued_at: this.now(), expires_at: this.now() + life, ...more,
        };
        if (choices)
            request.number = { type: 'SELECT_NUMBER', choices };
        else if (number)
            request.number = { type: 'ENTER_MANUALLY', digits: number.length };
        const asked = { request, number };
        asked.answered = new Promise((done) => { asked.answer = done; });
        device.waiting.set(request.id, asked);
        this.wake();
        return asked;
    }

    cancel(device, { request })
    {
        device.waiting.delete(request.id);
        this.wake();
    }

    wake()
    {
        for (const wake of this.wakers)
            wake();
    }

    // --- HTTP.

    async handle(request, response)
    {
        assert.equal(request.headers.cookie, undefined, 'no cookies');
        assert.equal(request.headers.referer, undefined, 'no referrer');
        if (this.down)
            return response.destroy();
        if (request.method === 'OPTIONS')
            return this.send(response, 204, {
                'Access-Control-Allow-Methods': 'POST, OPTIONS',
                'Access-Control-Allow-Headers': 'content-type, prefer' });
        const what = request.url.split('/').at(-1);
        this.calls.push(`${request.method} ${what}`);
        let status, body, headers = {};
        try {
            if (this.refuse)
                throw this.refuse;
            [status, body] = await this.answer(request, response);
        } catch (error) {
            if (!(error instanceof Refusal))
                throw error;
            ({ status, headers } = error);
            body = { id: randomUUID(), code: 'INVALID_DATA', message: 'no',
                     details: [{ code: error.code, message: 'no' }] };
        }
        if (this.lose > 0 && request.method === 'POST' && what !== 'requests') {
            this.lose -= 1;
            return this.cut(response);
        }
        if (this.down || response.destroyed)
            return response.destroy();
        if (status === 'stream')
            return response.end();
        return this.send(response, status, headers,
                         { ...body, time: this.now() });
    }

    // Begun and not ended: a browser repeats what got no answer at all.
    cut(response)
    {
        response.writeHead(200, { 'Access-Control-Allow-Origin': '*',
                                  'Content-Length': 999 });
        response.flushHeaders();
        setTimeout(() => response.destroy(), 20);
    }

    send(response, status, headers, body)
    {
        response.writeHead(status, {
            'Content-Type': 'application/json;charset=utf-8',
            'Access-Control-Allow-Origin': '*',
            'Access-Control-Expose-Headers': 'preference-applied, retry-after',
            ...headers });
        response.end(body && JSON.stringify(body));
    }

    async answer(request, response)
    {
        const { method, url } = request;
        if (method === 'GET' && url === '/.well-known/factor-phone')
            return [200, {
                issuer: this.issuer, environment: this.environment,
                endpoint: this.endpoint ??
                    `${this.issuer}/${this.environment}/mobile`,
                applications: this.applications,
                ...(this.vapid && { vapid_public_key: this.vapid }) }];
        if (method === 'GET' && url === '/pf/JWKS')
            return [200, this.jwks];
        const prefix = `/${this.environment}/mobile`;
        if (method !== 'POST' || !url.startsWith(prefix))
            throw new Refusal(404, 'NOT_FOUND');
        assert.equal(request.headers['content-type'], 'application/json');
        let text = '';
        for await (const chunk of request)
            text += chunk;
        const body = JSON.parse(text);
        const [, collection, device, what] =
            url.slice(prefix.length).split('/');
        if (collection === 'pairings')
            return this.pair(body);
        const found = this.devices.get(device);
        if (!found)
            throw new Refusal(404, 'NOT_PAIRED');
        const wait = /^wait=(\d+)$/.exec(request.headers.prefer ?? '')?.[1];
        const streams = request.headers.accept === 'text/event-stream';
        if (streams && what === 'requests' && this.stream !== 'none')
            return this.tell(found, body, response);
        return this[`on_${what}`](found, body, Number(wait ?? 0), response);
    }

    // --- Statements.

    async verify(statement, purpose, jwk, device)
    {
        assert.ok(statement.length <= 8192);
        let verified;
        try {
            verified = await jose.compactVerify(
                statement, await jose.importJWK(jwk, 'ES256'),
                { algorithms: ['ES256'] });
        } catch {
            throw new Refusal(400, 'INVALID_STATEMENT');
        }
        const claims = JSON.parse(Buffer.from(verified.payload).toString());
        assert.deepEqual(verified.protectedHeader,
                         { alg: 'ES256', typ: 'factor-phone+jwt' });
        must(claims.v === 1 && claims.purpose === purpose &&
             claims.aud === this.issuer && Number.isSafeInteger(claims.iat));
        must(claims.device === device?.id && claims.user === device?.user.id);
        must(Math.abs(claims.iat - this.now()) <= 60,
             'CLOCK_NOT_SYNCHRONIZED');
        return claims;
    }

    async change(device, { statement }, purpose)
    {
        const claims = await this.verify(statement, purpose, device.key,
                                         device);
        assert.equal(claims.iat, Math.floor(claims.iat_ms / 1000));
        if (claims.iat_ms <= device.lastMs)
            throw new Refusal(409, 'STATEMENT_REPLAYED');
        device.lastMs = claims.iat_ms;
        return claims;
    }

    async pair({ key, statement })
    {
        assert.deepEqual(Object.keys(key).sort(), ['crv', 'kty', 'x', 'y']);
        const claims = await this.verify(statement, 'pair', key);
        const code = this.codes.get(claims.key);
        const thumbprint = await jose.calculateJwkThumbprint(key);
        must(code && (!code.device || code.thumbprint === thumbprint),
             'PAIRING_KEY_INVALID');
        must(claims.application === (this.own ?? this.applications.find(
            ({ name }) => name === 'Authenticator')?.id),
             'APPLICATION_INVALID');
        assert.equal(claims.platform, 'web');
        assert.ok(claims.name.length > 0 && claims.name.length <= 64);
        const again = !!code.device;
        code.device ??= { id: randomUUID(), user: code.user, key,
                          name: claims.name, status: code.status,
                          secret: random(base32, 32), lastMs: 0,
                          waiting: new Map(), answers: new Map(),
                          pushes: [] };
        const { device } = code;
        code.thumbprint = thumbprint;
        device.check = checkValue(thumbprint);
        this.devices.set(device.id, device);
        return [again ? 200 : 201, {
            device: device.id, user: device.user, issuer: this.issuer,
            status: device.status, check: device.check,
            passcode: { secret: device.secret, digits: 6, period: 30 } }];
    }

    // While there is nothing new, until an instant.
    async hush(device, until, response, isOld)
    {
        const quiet = () => Date.now() < until && isOld() && !this.down &&
            !this.refuse && this.devices.has(device.id) &&
            !response.destroyed;
        while (quiet())
            await new Promise((done) => {
                this.wakers.add(done);
                response.once('close', done);
                setTimeout(done, Math.min(until - Date.now(), 100000))
                    .unref();
            });
    }

    show(device)
    {
        return { status: device.status, name: device.name,
                 requests: [...device.waiting.values()]
                     .map(({ request }) => request) };
    }

    async on_requests(device, { statement }, wait, response)
    {
        const { known } = await this.verify(statement, 'requests', device.key,
                                            device);
        this.known = known; // by the last such call
        const nothing = { requests: [] };
        await this.hush(device, Date.now() + wait * 1000, response, () => {
            const shown = this.show(device);
            const challenges = shown.requests.map((one) => one.challenge);
            return JSON.stringify((known ?? nothing).requests) ===
                JSON.stringify(challenges) &&
                (known?.status ?? shown.status) === shown.status;
        });
        if (this.refuse)
            throw this.refuse;
        if (!this.devices.has(device.id))
            throw new Refusal(404, 'NOT_PAIRED');
        return [200, this.show(device)];
    }

    // A stream of events.
    async tell(device, { statement }, response)
    {
        const { key } = device;
        await this.verify(statement, 'requests', key, device);
        this.streams += 1;
        this.open.add(response);
        response.once('close', () => this.open.delete(response));
        response.writeHead(200, { 'Content-Type': 'text/event-stream',
                                  'Access-Control-Allow-Origin': '*' });
        response.flushHeaders();
        let told;
        const text = () => JSON.stringify(this.show(device));
        while (!this.down && !this.refuse && !response.destroyed) {
            const gone = !this.devices.has(device.id) ? 'NOT_PAIRED'
                : device.key !== key ? 'INVALID_STATEMENT' : undefined;
            if (gone) {
                response.write('event: refused\ndata: ' + JSON.stringify(
                    { details: [{ code: gone }], time: this.now() }) + '\n\n');
                break;
            }
            told = text();
            if (this.stream === 'well')
                response.write(`:\n\ndata: ${JSON.stringify(
                    { ...this.show(device), time: this.now() })}\n\n`);
            await this.hush(device, Infinity, response, () =>
                text() === told && device.key === key);
        }
        return ['stream', {}];
    }

    // As after some minutes.
    endStreams()
    {
        for (const response of this.open)
            response.end();
    }

    async on_answers(device, { statement })
    {
        if (device.answers.has(statement))
            return [200, { result: device.answers.get(statement), again: 1 }];
        const claims = await this.verify(statement, 'answer', device.key,
                                         device);
        const asked = device.waiting.get(claims.request);
        if (!asked)
            throw new Refusal(409, 'REQUEST_GONE');
        const { request, number } = asked;
        for (const member of ['challenge', 'client', 'host'])
            must(claims[member] === request[member]);
        must(/^[\w-]{22}$/.test(claims.nonce) && id.test(claims.request));
        must(claims.exp >= this.now() && claims.exp <= claims.iat + 60);
        must(['approve', 'deny'].includes(claims.decision));
        if (this.now() >= request.expires_at)
            throw new Refusal(409, 'REQUEST_GONE');
        const result = claims.decision === 'approve' &&
            (number === undefined || claims.number === number)
            ? 'approved' : 'denied';
        device.waiting.delete(claims.request);
        this.wake();
        device.answers.set(statement, result);
        asked.answer({ claims, result });
        return [200, { result }];
    }

    async on_push(device, body)
    {
        const { push } = await this.change(device, body, 'push');
        must(push === null || (push.startsWith('webpush:') &&
                               push.length <= 2048));
        device.pushes.push(push);
        return [200, {}];
    }

    async on_key(device, body)
    {
        const { key, proof } = await this.change(device, body, 'key');
        await this.verify(proof, 'proof', key, device);
        device.key = key;
        this.wake();
        return [200, {}];
    }

    async on_unpair(device, body)
    {
        await this.change(device, body, 'unpair');
        this.remove(device);
        return [200, {}];
    }

    remove(device)
    {
        this.devices.delete(device.id);
        this.wake();
    }

    tooMany(seconds)
    {
        this.refuse = new Refusal(429, 'REQUEST_LIMITED',
                                  { 'Retry-After': String(seconds) });
    }
}

export async function phoneHost()
{
    const host = await new PhoneHost(await freePort()).start();
    atEnd(() => host.stop());
    return host;
}
