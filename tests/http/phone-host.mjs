// SPDX-License-Identifier: MIT
// tests/http/phone-host.mjs - a stand-in for the host that phones speak to:
// it verifies every statement with npm jose, and keeps everything in memory.
//
//     const host = await startHost();
//     const { link } = host.pairingKey('ann');
//     const request = host.ask('ann', { number: { ... } });
//     await request.answered;
//
// What goes wrong is asked for: host.lose('/answers') loses an answer that was
// made; host.reply('/requests', 404, '<html>') gives another one; host.ahead
// moves its clock.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import * as jose from 'jose';

import { freePort } from './lib/daemon.mjs';
import { secret } from './lib/secrets.mjs';
import { atEnd } from './lib/tap.mjs';
import { checkValue, totp } from './phone-vectors.mjs';

const SLACK_S = 60;
const keyLetters = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';
const letters = (alphabet, length) =>
    [...randomBytes(length)].map((byte) => alphabet[byte % 32]).join('');
const thumbprint = (jwk) => jose.calculateJwkThumbprint(jwk);

// A refusal, thrown by what looks at a request.
class Refusal extends Error {
    constructor(status, code, headers = {})
    {
        super(code);
        Object.assign(this, { status, code, headers });
    }
}

const demand = (condition, code = 'INVALID_STATEMENT', status = 400) => {
    if (!condition)
        throw new Refusal(status, code);
};

class Host {
    constructor(base, jwks)
    {
        this.base = base;
        this.environment = randomUUID();
        this.jwks = jwks;
        this.ahead = 0; // seconds
        this.applications = [{ id: randomUUID(), name: 'factor-phone' }];
        this.keys = new Map();    // pairing key -> { user, device }
        this.devices = new Map(); // id -> device
        this.payloads = new Set();
        this.faults = [];
        this.calls = [];
    }

    get time()
    {
        return Math.floor(Date.now() / 1000) + this.ahead;
    }

    // --- What tests ask for.

    pairingKey(user)
    {
        const key = secret('pairing key', letters(keyLetters, 16));
        this.keys.set(key, { user });
        const link = `${this.base}/authenticator/#` + new URLSearchParams({
            v: 1, iss: this.base, key, fp: this.fingerprint });
        return { key, link };
    }

    deviceOf(user)
    {
        return [...this.devices.values()].find((one) => one.user.name === user);
    }

    // A sign-on waits for the phone of this user.
    ask(user, { number, right, kind = 'authentication', life = 40, ...over } = {})
    {
        const device = this.deviceOf(user);
        const request = {
            id: randomUUID(), kind, client: 'demo', client_name: 'Demo app',
            challenge: randomBytes(16).toString('base64url'),
            host: 'app.example.org', address: '203.0.113.7',
            agent: 'Firefox on Linux', issued_at: this.time,
            expires_at: this.time + life, ...(number && { number }), ...over,
        };
        let settle;
        const answered = new Promise((done) => { settle = done; });
        device.waiting.set(request.id, { request, right, settle });
        device.wake?.();
        return { ...request, answered };
    }

    lose(path, times = 1)
    {
        this.faults.push({ path, times, lose: true });
    }

    reply(path, status, body, headers = {})
    {
        this.faults.push({ path, times: 1, status, body, headers });
    }

    countOf(path)
    {
        return this.calls.filter((one) => one.endsWith(path)).length;
    }

    // --- Statements.

    async verify(statement, jwk, purpose)
    {
        demand(typeof statement === 'string' && statement.length <= 8192);
        let verified;
        try {
            verified = await jose.compactVerify(
                statement, await jose.importJWK(jwk, 'ES256'),
                { algorithms: ['ES256'] });
        } catch {
            throw new Refusal(400, 'INVALID_STATEMENT');
        }
        const { kid, ...header } = verified.protectedHeader;
        const claims = JSON.parse(Buffer.from(verified.payload));
        demand(JSON.stringify(header) ===
               '{"alg":"ES256","typ":"factor-phone+jwt"}');
        demand(claims.v === 1 && claims.purpose === purpose &&
               claims.aud === this.base && Number.isInteger(claims.iat));
        demand(Math.abs(claims.iat - this.time) <= SLACK_S,
               'CLOCK_NOT_SYNCHRONIZED');
        return claims;
    }

    async byDevice(device, body, purpose)
    {
        const claims = await this.verify(body.statement, device.key, purpose);
        demand(claims.device === device.id && claims.user === device.user.id);
        return claims;
    }

    // What mobilePayload must be.
    async takePayload(text)
    {
        const { key } = jose.decodeJwt(text);
        const claims = await this.verify(text, key, 'payload');
        demand(!this.payloads.has(claims.jti), 'STATEMENT_REPLAYED', 409);
        this.payloads.add(claims.jti);
        return claims;
    }

    // --- Routes.

    discovery()
    {
        return { issuer: this.base, environment: this.environment,
                 endpoint: `${this.base}/${this.environment}/mobile`,
                 applications: this.applications };
    }

    async pair(body)
    {
        const { key, statement } = body;
        demand(key?.kty === 'EC' && key.crv === 'P-256' && !('d' in key));
        const claims = await this.verify(statement, key, 'pair');
        const found = this.keys.get(claims.key);
        demand(found && (!found.device || await thumbprint(found.device.key)
                         === await thumbprint(key)), 'PAIRING_KEY_INVALID');
        demand(this.applications.some((one) => one.id === claims.application),
               'APPLICATION_INVALID');
        demand(claims.name && [...claims.name].length <= 64 &&
               ['android', 'ios', 'web', 'other'].includes(claims.platform));
        const status = found.device ? 200 : 201;
        found.device ??= this.addDevice(found.user, key, claims);
        const { device } = found;
        return [status, {
            device: device.id, user: device.user, issuer: this.base,
            status: 'ACTIVATION_REQUIRED',
            check: checkValue(await thumbprint(key)),
            passcode: device.passcode,
        }];
    }

    addDevice(name, key, { name: phone, push, application })
    {
        const device = {
            id: randomUUID(), key, phone, push, application, lastMs: 0,
            user: { id: randomUUID(), name }, waiting: new Map(),
            answers: new Map(),
            passcode: { secret: secret('TOTP secret', letters(
                            'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 32)),
                        digits: 6, period: 30 },
        };
        this.devices.set(device.id, device);
        return device;
    }

    passcodeOf(user)
    {
        return totp(this.deviceOf(user).passcode, this.time);
    }

    async requests(device, body, wait)
    {
        const { known } = await this.byDevice(device, body, 'requests');
        const waiting = () => [...device.waiting.values()]
            .map((one) => one.request)
            .filter((one) => one.expires_at > this.time);
        const same = () => JSON.stringify(known?.requests ?? []) ===
            JSON.stringify(waiting().map((one) => one.challenge));
        if (same() && wait)
            await Promise.race([
                new Promise((done) => { device.wake = done; }),
                new Promise((done) => setTimeout(done, wait * 1000).unref()),
            ]);
        demand(this.devices.has(device.id), 'NOT_PAIRED', 404);
        return [200, { status: 'ACTIVE', requests: waiting() }];
    }

    async answers(device, body)
    {
        const claims = await this.byDevice(device, body, 'answer');
        demand(claims.exp > this.time);
        const before = device.answers.get(body.statement);
        if (before)
            return [200, { result: before }];
        const found = device.waiting.get(claims.request);
        demand(found && found.request.challenge === claims.challenge &&
               found.request.expires_at > this.time, 'REQUEST_GONE', 409);
        demand(found.request.client === claims.client &&
               found.request.host === claims.host &&
               /^[\w-]{22}$/.test(claims.nonce) &&
               ['approve', 'deny'].includes(claims.decision));
        const result = claims.decision === 'approve' &&
            (!found.request.number || claims.number === found.right)
            ? 'approved' : 'denied';
        device.waiting.delete(claims.request);
        device.wake?.();
        device.answers.set(body.statement, result);
        found.settle({ result, claims });
        return [200, { result }];
    }

    async change(device, body, purpose)
    {
        const claims = await this.byDevice(device, body, purpose);
        demand(Math.floor(claims.iat_ms / 1000) === claims.iat);
        demand(claims.iat_ms > device.lastMs, 'STATEMENT_REPLAYED', 409);
        if (purpose === 'key') {
            const proof = await this.verify(claims.proof, claims.key, 'proof');
            demand(proof.device === device.id &&
                   proof.user === device.user.id);
            device.key = claims.key;
        }
        if (purpose === 'push')
            device.push = claims.push;
        if (purpose === 'unpair')
            this.devices.delete(device.id);
        device.lastMs = claims.iat_ms;
        return [200, {}];
    }

    route(method, path, body, wait)
    {
        if (method === 'GET' && path === '/.well-known/factor-phone')
            return [200, this.discovery()];
        if (method === 'GET' && path === '/pf/JWKS')
            return [200, this.jwks];
        const prefix = `/${this.environment}/mobile`;
        if (method === 'POST' && path === `${prefix}/pairings`)
            return this.pair(body);
        const [, id, what] = /\/devices\/([\w-]+)\/(\w+)$/.exec(path) ?? [];
        demand(method === 'POST' && path === `${prefix}/devices/${id}/${what}`,
               'NOT_FOUND', 404);
        const device = this.devices.get(id);
        demand(device, 'NOT_PAIRED', 404);
        if (what === 'requests')
            return this.requests(device, body, wait);
        if (what === 'answers')
            return this.answers(device, body);
        demand(['push', 'key', 'unpair'].includes(what), 'NOT_FOUND', 404);
        return this.change(device, body, what);
    }

    // --- HTTP.

    async answer(call, text)
    {
        const wait = /^wait=(\d+)$/.exec(call.headers.prefer ?? '')?.[1] ?? 0;
        try {
            return await this.route(call.method, call.url,
                                    text ? JSON.parse(text) : {}, wait);
        } catch (error) {
            if (!(error instanceof Refusal))
                throw error;
            return [error.status, {
                id: randomUUID(), code: 'INVALID_DATA', message: 'refused',
                details: [{ code: error.code, message: `${error.code}!` }],
            }, error.headers];
        }
    }

    faultOf(path)
    {
        const at = this.faults.findIndex((one) => path.endsWith(one.path));
        if (at < 0)
            return undefined;
        const fault = this.faults[at];
        if (!--fault.times)
            this.faults.splice(at, 1);
        return fault;
    }

    async serve(call, reply)
    {
        let text = '';
        for await (const chunk of call)
            text += chunk;
        this.calls.push(call.url);
        const fault = this.faultOf(call.url);
        if (fault && !fault.lose) {
            reply.writeHead(fault.status, fault.headers);
            reply.end(fault.body);
            return;
        }
        const [status, body, headers] = await this.answer(call, text);
        if (fault) {
            call.socket.destroy();
            return;
        }
        reply.writeHead(status, { 'Content-Type': 'application/json',
                                  ...headers });
        reply.end(JSON.stringify({ ...body, time: this.time }));
    }
}

export async function startHost({ tls } = {})
{
    const { publicKey } = await jose.generateKeyPair('ES256');
    const jwk = { ...await jose.exportJWK(publicKey), use: 'sig', alg: 'ES256',
                  kid: createHash('sha256').update('kid').digest('hex') };
    const port = await freePort();
    const scheme = tls ? 'https' : 'http';
    const host = new Host(`${scheme}://127.0.0.1:${port}`, { keys: [jwk] });
    host.fingerprint = await thumbprint(jwk);
    const serve = (call, reply) => host.serve(call, reply).catch((error) => {
        host.error = error;
        reply.destroy();
    });
    const server = tls ? https.createServer(tls, serve)
                       : http.createServer(serve);
    await new Promise((done) => server.listen(port, '127.0.0.1', done));
    host.stop = () => {
        server.closeAllConnections();
        server.close();
    };
    atEnd(() => {
        host.stop();
        if (host.error)
            throw host.error;
    });
    return host;
}
